"""Rows into a database: COPY, staging tables, and the statements of each way to restore."""
