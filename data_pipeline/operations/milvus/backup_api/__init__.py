"""milvus-backup's words: what its clients ask, as requests of ours, and what ours are, as it says it."""
