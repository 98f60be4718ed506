"""Several stores backed up and restored together: each by its own operations."""
