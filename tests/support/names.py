"""Names that LangChain gives, and the ids of the tests' collections; written out, since the product may be wrong."""

COLLECTION = "langchain_pg_collection"
EMBEDDING = "langchain_pg_embedding"
TABLES = (COLLECTION, EMBEDDING)

DOCS = "11111111-1111-4111-8111-111111111111"
