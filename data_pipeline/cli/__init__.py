"""The command line: the same operations as over HTTP, by the same request models, without a running service."""
