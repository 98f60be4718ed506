"""Rows of one layout made rows of another: staged in the backup's own types, then one INSERT … SELECT a table.

The statements run under the session's own path, so that every name in them stands with its schema (search_path.py).
"""
