"""Which tables belong together: load order, keys, references, owners, vector columns, older shapes.

Data and pure functions. No SQL, no file and no driver; only here are tables named.
"""
