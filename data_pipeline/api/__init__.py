"""HTTP only: requests in, answers out.

What an operation does, SQL and paths stand elsewhere.
"""

PREFIX = "/api/v0/data_pipeline/vector"
"""Below which the routes of vector tables are."""
