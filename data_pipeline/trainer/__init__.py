"""The documented front of backups, VectorTableManager; what it does stands in operations."""
