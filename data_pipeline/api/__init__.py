"""HTTP only: requests in, answers out.

What an operation does, SQL and paths stand elsewhere.
"""

BASE = "/api/v0/data_pipeline"
"""Below which the routes of resources are."""

PREFIX = f"{BASE}/vector"
"""Below which the routes of vector tables are."""
