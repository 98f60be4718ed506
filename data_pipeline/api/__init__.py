"""HTTP only: requests in, answers out.

What an operation does, SQL and paths stand elsewhere.
"""

BASE = "/api/v0/data_pipeline"
"""Below which all routes are, but those of operators."""

PREFIX = f"{BASE}/vector"
"""Below which the routes of vector tables are."""
