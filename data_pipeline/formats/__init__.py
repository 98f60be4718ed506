"""Bytes to values and back: CSV, PostgreSQL's binary COPY, the blocks both are cut into, the workers that encode them.

No database driver, and no file system: a block is read through the object that is handed in.
"""
