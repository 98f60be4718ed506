"""What a set of PostgreSQL tables has of its own: facts of tables, their files as rows, the dialect of a CSV.

Nothing here knows sets of other stores, nor a database.
"""
