"""Rows out of a database: COPY to a backup's blocks, snapshots shared by connections, searches."""
