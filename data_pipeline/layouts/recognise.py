"""Which library made a table, told by its shape: columns and keys, under any name where the library leaves it free.

A table is known by one name at most. What isn't known is still a table: it goes with the layout `tables`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType

from data_pipeline.layouts import langchain, langchain_legacy, tables
from data_pipeline.layouts.base import Layout, TableLayout

IDS = frozenset({"uuid", "varchar", "text"})
"""Types of the ids that PGVectorStore gives, or is given."""
NUMBERS = frozenset({"int2", "int4", "int8"})
TEXTS = frozenset({"text", "varchar"})
JSONS = frozenset({"json", "jsonb"})

LANGCHAIN = langchain.LAYOUT.family
LAYOUTS: Mapping[str, str] = MappingProxyType(
    {
        "langchain": LANGCHAIN,
        "langchain_legacy": LANGCHAIN,
        "langchaingo": LANGCHAIN,
        "pgvectorstore": tables.PGVECTORSTORE,
    }
)
"""The layouts of tables that are known; the others are of the layout that takes any."""


def recognise(found: Iterable[TableLayout]) -> dict[tuple[str | None, str], str]:
    """What tables of one database are, by schema and name; those of no known shape are left out."""
    shapes = list(found)
    known = _langchain(shapes)
    for table in shapes:
        label = next((name for name, fits in SHAPES.items() if fits(table)), None)
        if label:
            known.setdefault((table.schema, table.relation), label)
    return known


def _langchain(found: Iterable[TableLayout]) -> dict[tuple[str | None, str], str]:
    """The two tables of PGVector, where both are in one schema."""
    schemas: dict[str | None, dict[str, TableLayout]] = {}
    for table in found:
        if table.relation in langchain.LAYOUT.names:
            schemas.setdefault(table.schema, {})[table.relation] = table
    return {
        (schema, name): label
        for schema, pair in schemas.items()
        if (label := _generation(pair)) is not None
        for name in pair
    }


def _generation(pair: Mapping[str, TableLayout]) -> str | None:
    """Which library, and which of its versions, has made a pair of tables."""
    columns = {name: _types(table).keys() for name, table in pair.items()}
    if columns.keys() != set(langchain.LAYOUT.names):
        return None
    if _has_keys(langchain.LAYOUT, columns):
        return langchain.LAYOUT.name
    if not _has_keys(langchain_legacy.LAYOUT, columns):
        return None
    member = str(langchain_legacy.LAYOUT.member)
    return langchain_legacy.LAYOUT.name if langchain.LEGACY.preferred in columns[member] else "langchaingo"


def _has_keys(layout: Layout, columns: Mapping[str, Collection[str]]) -> bool:
    return all({*table.key, *table.vectors} <= set(columns[table.name]) for table in layout.tables)


def _is_llamaindex(table: TableLayout) -> bool:
    """LlamaIndex's PGVectorStore, whose tables are called `data_` and the index's name."""
    return _has(table, id=NUMBERS, text=TEXTS, metadata_=JSONS, node_id=TEXTS) and table.vectors == ("embedding",)


def _is_dify(table: TableLayout) -> bool:
    return _is_made_of(table, {"id": {"uuid"}, "text": TEXTS, "meta": JSONS}, {"embedding"})


def _is_open_webui(table: TableLayout) -> bool:
    """Its texts and metadata are bytea where it encrypts them."""
    hidden = {"bytea"}
    texts = {"id": TEXTS, "collection_name": TEXTS, "text": TEXTS | hidden, "vmetadata": JSONS | hidden}
    return _is_made_of(table, texts, {"vector"})


def _is_supabase(table: TableLayout) -> bool:
    """The `documents` of its templates, and the collections of its client `vecs`, which has a schema of its own."""
    if table.schema == "vecs":
        return _is_made_of(table, {"id": TEXTS, "metadata": JSONS}, {"vec"})
    of_template = _is_made_of(table, {"id": NUMBERS | {"uuid"}, "content": TEXTS, "metadata": JSONS}, {"embedding"})
    return of_template and (table.relation == "documents" or _types(table)["id"] != "uuid")


def _is_langchain_js(table: TableLayout) -> bool:
    """LangChain JS's PGVectorStore: unlike LangChain's own, with nothing but the id required."""
    free = [column for column in table.columns if column.name not in {*table.key, "collection_id"}]
    types = sorted(column.type for column in free)
    ids = [_types(table)[name] for name in table.key]
    return ids == ["uuid"] and types == ["jsonb", "text", "vector"] and not any(column.not_null for column in free)


def _is_pgvectorstore(table: TableLayout) -> bool:
    """LangChain's PGVectorStore: an id, a text and a vector that no row lacks; the rest is the user's.

    One of the further columns may be json, for metadata without a column of its own, and one a tsvector, for hybrid
    search.
    """
    ids = [_types(table)[name] for name in table.key]
    vectors = [column for column in table.columns if column.name in table.vectors]
    contents = [column for column in table.columns if column.type == "text" and column.name not in table.key]
    return (
        len(ids) == 1
        and ids[0] in IDS
        and [(vector.type, vector.not_null) for vector in vectors] == [("vector", True)]
        and any(content.not_null for content in contents)
    )


SHAPES: Mapping[str, Callable[[TableLayout], bool]] = MappingProxyType(
    {
        "llamaindex": _is_llamaindex,
        "dify": _is_dify,
        "open_webui": _is_open_webui,
        "supabase": _is_supabase,
        "langchain_js": _is_langchain_js,
        "pgvectorstore": _is_pgvectorstore,
    }
)
"""From the strictest to the freest: the last one fits some tables of the others too."""


def _types(table: TableLayout) -> dict[str, str]:
    return {column.name: column.type for column in table.columns}


def _has(table: TableLayout, **types: Collection[str]) -> bool:
    """Whether it has columns of these names and types."""
    found = _types(table)
    return all(found.get(name) in allowed for name, allowed in types.items())


def _is_made_of(table: TableLayout, types: Mapping[str, Collection[str]], vectors: Collection[str]) -> bool:
    """Whether it has these columns and vectors and no others."""
    names = {*types, *vectors}
    return _types(table).keys() == names and _has(table, **types) and set(table.vectors) == set(vectors)
