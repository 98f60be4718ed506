"""A drill: a backup proven by restoring it into a PostgreSQL that is thrown away afterwards."""
