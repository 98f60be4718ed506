"""What is done with stores that are not PostgreSQL tables: a blueprint a store."""
