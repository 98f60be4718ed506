"""HTTP only: requests in, answers out.

What an operation does, SQL and paths stand elsewhere.
"""
