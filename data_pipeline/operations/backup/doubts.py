"""What makes it doubtful that a backup is of what is meant. Nothing here keeps one from being made."""

from collections.abc import Iterable
from contextlib import suppress
from itertools import islice

from common.errors import ServiceError
from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.layouts.base import Layout
from data_pipeline.operations.backup.snapshot import Taken
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.schema import vector_tables
from data_pipeline.postgres.schema.vector_tables import VectorTable
from data_pipeline.postgres.target import Target
from data_pipeline.sets.manifest import Manifest

MOST_NAMED = 3
"""Of the tables that are left out; of the others only the number is told."""

MOST_READ = 10
"""Manifests that are read on the way to the last set of a database: others may keep theirs in the same place."""


def of_source(engine: Engine, target: Target, session: Session, layout: Layout) -> list[Message]:
    """About the database: that nothing named it, and its tables with vectors that are not the layout's."""
    found = []
    if target.source == "embedded" and not engine.settings.database_named:
        found.append(say("database_not_configured"))
    beside, total = vector_tables.find(session.cursor, layout.relations(session.schema), MOST_NAMED)
    if beside:
        named = tuple(_told(vector_tables.counted(session, table)) for table in beside)
        more = (say("and_more", count=total - len(named)),) if total > len(named) else ()
        found.append(say("vector_tables_left_out", tables=(*named, *more)))
    return found


def of_rows(taken: Taken, manifests: Iterable[Manifest]) -> list[Message]:
    """About a set of everything that was published: that it holds no vectors, or far fewer than the last one.

    manifests: of the sets before it in its location, newest first; no more are read than are needed.
    """
    names = taken.with_vectors
    if not names:
        return []
    rows, told = sum(taken.tables[name].fact["rows"] for name in names), ", ".join(names)
    found = [] if rows else [say("no_rows_backed_up", tables=told, database=taken.database)]
    with suppress(ServiceError):  # the set is there, even if the rest can't be read
        last = next((one for one in islice(manifests, MOST_READ) if _is_comparable(one, taken)), None)
        before = sum(last.tables[name].rows for name in names) if last else 0
        if last and rows * 2 < before:
            found.append(say("rows_fell", tables=told, rows=rows, before=before, timestamp=last.timestamp))
    return found


def _is_comparable(earlier: Manifest, taken: Taken) -> bool:
    """Whether it is a set of all rows of the same tables of the same database; an old manifest can't tell."""
    whole = not earlier.partial and not earlier.precaution
    same = (earlier.database, earlier.server) == (taken.database, taken.server)
    return whole and same and earlier.tables.keys() == taken.tables.keys()


def _told(table: VectorTable) -> Message:
    if table.rows is None:
        return say("table_with_unknown_rows", table=table.name)
    if table.known == "exactly":
        return say("table_with_rows", table=table.name, rows=table.rows)
    if table.known == "about":
        return say("table_with_about_rows", table=table.name, rows=table.rows)
    return say("table_with_more_rows", table=table.name, rows=table.rows)
