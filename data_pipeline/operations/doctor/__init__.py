"""Whether a service can do its work where it is: what is configured, within reach and writable, and a trial of both."""
