"""Answers that only this API has; an operation's own are in operations/results."""
