"""Whole PostgreSQL databases: pg_dump and pg_restore as child processes, and the archives that go between them.

SQL is in postgres/whole; what an export or an import is made of stands in operations/database.
"""
