"""Reference data, as price tables: entries of a file that are merged into a table, from an upload or from a URL."""
