"""Between Milvus and PostgreSQL: which type becomes which, rows of tables as collections, and rows of collections as
tables. Values go over to the bit; what has no counterpart is refused or told of, never dropped.
"""
