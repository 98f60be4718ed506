"""A table of LangChain's PGVectorStore: what its columns are for, and the names that it has by default."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from data_pipeline.layouts.base import TableLayout
from data_pipeline.layouts.recognise import JSONS, SHAPES

ID, CONTENT, VECTOR, METADATA = "langchain_id", "content", "embedding", "langchain_metadata"
"""As `init_vectorstore_table` calls the columns by default."""

OWN = (ID, CONTENT, VECTOR, METADATA)
INDEX_SUFFIX = "langchainvectorindex"
"""The vector index is called like the table with this behind: `is_valid_index` of the store looks for it."""

LONGEST_NAME = 63
"""Bytes of a relation's name; the server cuts a longer one."""

UNFIT = re.compile(r"[^\w .-]")
"""The library quotes a table's name without escaping it, and reads a colon in it as a parameter."""


@dataclass(frozen=True)
class Roles:
    """What the columns of a table are for. metadata: the json column; search: of hybrid search; columns: the others,
    each a key of a document's metadata."""

    id: str
    content: str
    embedding: str
    metadata: str | None
    search: tuple[str, ...]
    columns: tuple[str, ...]


def roles(table: TableLayout) -> Roles | None:
    """The roles in a table of any names; None for a table that isn't of this shape.

    Where several columns would do, the default name decides, else the place: the library makes id, content, embedding
    and the column of hybrid search in this order, then those of the user, and the json column last.
    """
    if not SHAPES["pgvectorstore"](table):
        return None
    (key,), (embedding,) = table.key, table.vectors
    others = [one for one in table.columns if one.name not in (key, embedding)]
    content = _first(CONTENT, (one.name for one in others if one.type == "text" and one.not_null))
    of_json = [one.name for one in others if one.type in JSONS]
    metadata = METADATA if METADATA in of_json else of_json[-1] if others[-1].name in of_json else None
    search = tuple(one.name for one in others if one.type == "tsvector")
    taken = {content, metadata, *search}
    return Roles(key, content, embedding, metadata, search, tuple(o.name for o in others if o.name not in taken))


def table_name(collection: str | None, uuid: str) -> str:
    """What the table of a collection is called where the request doesn't say it; the uuid names one without a name."""
    name = UNFIT.sub("_", collection or "") or f"collection_{uuid}"
    if len(name.encode()) <= LONGEST_NAME:
        return name
    digest = f"_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return name.encode()[: LONGEST_NAME - len(digest)].decode(errors="ignore") + digest


def index_name(table: str) -> str | None:
    """Of the vector index; None where the server has to make one up because it would be too long."""
    name = f"{table}{INDEX_SUFFIX}"
    return name if len(name.encode()) <= LONGEST_NAME else None


def _first(preferred: str, names: Iterable[str]) -> str:
    found = list(names)
    return preferred if preferred in found else found[0]
