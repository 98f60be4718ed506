"""PostgreSQL's types, one file a type or a kind of types: their texts, and their bytes in binary COPY."""
