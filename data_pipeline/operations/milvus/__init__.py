"""Milvus: collections backed up, restored, merged, compared; sets of PostgreSQL tables restored into it, and back."""
