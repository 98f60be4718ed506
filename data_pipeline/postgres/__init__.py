"""One PostgreSQL database: connections, transactions, the writer lock, errors by SQLSTATE.

SQL stands in this room's sub-rooms and nowhere else, but for the job queue's own tables. Nothing here knows HTTP.
"""
