"""Any tables: known from a catalog or a manifest alone."""

from collections.abc import Iterable, Sequence

from data_pipeline.layouts.base import Layout, TableLayout

FAMILY = "tables"
PGVECTORSTORE = "pgvectorstore"
"""LangChain's PGVectorStore: a table a collection, known by its shape (recognise.py)."""


def layout(family: str, tables: Iterable[TableLayout]) -> Layout:
    """A layout of these tables: each after those that it refers to; in a cycle the first by name goes first."""
    waiting = {table.name: table for table in sorted(tables, key=lambda table: table.name)}
    ordered: list[TableLayout] = []
    while waiting:
        free = next((table for table in waiting.values() if not _awaited(table, waiting)), None)
        ordered.append(waiting.pop((free or _first_of_a_cycle(waiting)).name))
    return Layout(family, family, tuple(ordered))


def chosen(tables: Layout, names: Sequence[str]) -> list[str]:
    """The tables of a layout that are meant, in load order: by name, or without the schema where only one is called so.

    Raises InvalidParams for a name of none, or of several.
    """
    short: dict[str, list[str]] = {}
    for table in tables.tables:
        short.setdefault(table.relation, []).append(table.name)
    meant = [short[name][0] if name not in tables.names and len(short.get(name, ())) == 1 else name for name in names]
    return tables.in_order(meant)


def _awaited(table: TableLayout, waiting: dict[str, TableLayout]) -> set[str]:
    """The tables that have to come before one."""
    return {one.table for one in table.references if one.table in waiting and one.table != table.name}


def _first_of_a_cycle(waiting: dict[str, TableLayout]) -> TableLayout:
    """A table that is part of a cycle, not one that only waits for it."""
    for table in waiting.values():
        seen: set[str] = set()
        ahead = _awaited(table, waiting)
        while ahead:
            seen |= ahead
            ahead = {name for one in ahead for name in _awaited(waiting[one], waiting)} - seen
        if table.name in seen:
            return table
    raise AssertionError("tables that wait for one another are part of a cycle")
