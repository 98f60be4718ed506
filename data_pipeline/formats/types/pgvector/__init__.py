"""The types of the extension pgvector."""
