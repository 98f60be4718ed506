"""What tables a database has, in every schema, and which of them can be backed up. A few queries, none a table.

Only the catalog is read, and no table is locked or waited for.
"""
