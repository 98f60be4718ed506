"""Shapes of rows: how long vectors and documents are, and which indexes there are, decide where the time goes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """One shape of LangChain's table of embeddings.

    type: the column's type in pgvector. document: its bytes, about. share: its rows, of those of the first shape.
    """

    key: str
    type: str
    dimensions: int
    document: int
    share: float = 1.0
    gin: bool = False
    hnsw: bool = False

    @property
    def title(self) -> str:
        """In a table of results."""
        length = f"{self.document} B" if self.document < 1000 else f"{self.document // 1000} KB"
        indexes = " and ".join(name for name, there in (("GIN", self.gin), ("HNSW", self.hnsw)) if there)
        kind = "" if self.type == "vector" else f" {self.type}"
        return f"{self.dimensions}{kind}, documents of {length}" + (f", {indexes}" if indexes else "")


LONG_VECTORS = Shape("long_vectors", "vector", 1024, 200)
EVERYDAY = Shape("everyday", "vector", 384, 2000, share=1.5, gin=True)
LONG_DOCUMENTS = Shape("long_documents", "halfvec", 768, 8000, share=0.3)
INDEXED = Shape("indexed", "vector", 1536, 1000, share=0.05, hnsw=True)

SHAPES = (LONG_VECTORS, EVERYDAY, LONG_DOCUMENTS, INDEXED)
SEARCHED = Shape("searched", "vector", 1024, 200, gin=True, hnsw=True)
"""For the contests about a live table whose index is in use."""
