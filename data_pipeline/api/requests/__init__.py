"""Models of requests that only this API has; an operation's own are in operations/requests."""
