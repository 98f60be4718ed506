"""A drill: a backup proven by restoring it into a server that is thrown away afterwards."""
