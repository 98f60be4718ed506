"""The engine: backup sets, tables and bytes; knows nothing of the web."""
