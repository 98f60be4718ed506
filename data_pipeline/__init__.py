"""Backup and restore of LangChain's pgvector tables."""
