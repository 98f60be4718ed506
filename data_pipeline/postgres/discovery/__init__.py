"""What tables a database has, in every schema, and which of them can be backed up. A few queries, none a table.

Only the catalog and the sizes of files are read, and no table is waited for that another session has to itself.
"""
