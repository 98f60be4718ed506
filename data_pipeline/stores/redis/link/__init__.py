"""A server as a client sees it: commands and replies, what refusals mean, what it says of itself."""
