"""The embedded PostgreSQL: its data directory, its process, its life."""
