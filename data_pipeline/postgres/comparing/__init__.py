"""Two versions of the same tables, compared on the server: live ones, or backups in temporary tables."""
