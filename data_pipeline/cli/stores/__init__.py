"""The commands of stores that are not PostgreSQL tables."""
