"""What is not PostgreSQL tables: a room a store, each with a module `store` whose STORE the registry finds.

A store reads and writes its own kind of server, and nothing else; what is done with it stands in operations.
"""
