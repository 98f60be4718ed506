"""The indexes of new tables, several at a time, and what comes once they are there: keys, settings, statistics."""

import time
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from psycopg2.sql import SQL, Composable, Identifier, Literal

from common.errors import DuplicateRows, ServiceError
from common.messages import say
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.progress import Progress
from data_pipeline.postgres.schema import analyze, index_build, indexes, tables
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.swapping import staged
from data_pipeline.postgres.swapping.crew import Crew
from data_pipeline.postgres.swapping.facts import ForeignKey
from data_pipeline.postgres.swapping.index_facts import Index
from data_pipeline.postgres.swapping.staged import Replacement

SLOWEST = ("hnsw", "ivfflat", "gin")
"""The methods whose indexes are begun first, so that none of them is left for the end alone."""


def build(crew: Crew, made: Sequence[Replacement], memory: str | None, progress: Progress) -> dict[str, dict[str, Any]]:
    """Build every index over the loaded rows; results by the name that it will have, durations in seconds."""
    wanted = [
        (one, index)
        for one in made
        for index in one.facts.indexes
        if not (index.constraint and index.constraint.definition)
    ]
    wanted.sort(key=lambda pair: SLOWEST.index(pair[1].method) if pair[1].method in SLOWEST else len(SLOWEST))
    progress.expect_indexes([index.method for _, index in wanted])
    progress.enter("index", None)
    built = crew.all([partial(_build, one=one, index=index, memory=memory) for one, index in wanted], progress.indexed)
    return dict(built)


def _build(session: Session, one: Replacement, index: Index, memory: str | None) -> tuple[str, dict[str, Any]]:
    started = time.monotonic()
    session.phase = "index"
    create = partial(session.cursor.execute, index.create(one.named(index), one.table))
    try:
        parallel = index_build.build(session, one.table, index.method, create, memory, index.tablespace)
    except DuplicateRows as error:
        raise _of_live(error, one) from None
    return index.name, indexes.result(one.live, index.method, started, parallel=parallel)


def settle(crew: Crew, made: Sequence[Replacement], described: Collection[str]) -> None:
    """Give every table its keys, references among them included, and its settings; then look at its rows.

    described: live tables whose new ones were looked at when they were loaded.
    """
    places = {one.live.oid: one for one in made}

    def keys(session: Session) -> None:
        session.phase = "index"
        for one in made:
            staged.settle(session.cursor, one)
        for one in made:
            for key in one.facts.foreign_keys:
                if key.referenced in places:
                    add_reference(session.cursor, one, key, places[key.referenced])

    crew.do(keys)
    rest = [one for one in made if one.live.name not in described]
    crew.all([partial(_describe, one=one) for one in rest], lambda: None)


def add_reference(cursor: Cursor, one: Replacement, key: ForeignKey, to: Replacement | None) -> None:
    """Add a foreign key to a new table: to another new one, or as the live table has it."""
    definition = key.definition
    if to is not None:
        place = to.table.identifier.as_string(cursor)
        definition = definition.replace(f" REFERENCES {key.shown}(", f" REFERENCES {place}(", 1)
    statements: list[Composable] = [
        SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(one.table.identifier, Identifier(key.name), SQL(definition))
    ]
    if key.comment is not None:
        commented = SQL("COMMENT ON CONSTRAINT {} ON {} IS {}")
        statements.append(commented.format(Identifier(key.name), one.table.identifier, Literal(key.comment)))
    staged.run(cursor, statements)


def count(crew: Crew, made: Sequence[Replacement]) -> dict[str, int]:
    """Rows that each new table has, by the live table's name."""
    each = [partial(_count, one=one) for one in made]
    return dict(crew.all(each, lambda: None))


def _count(session: Session, one: Replacement) -> tuple[str, int]:
    return one.live.name, tables.count(session.cursor, one.table)


def _describe(session: Session, one: Replacement) -> None:
    analyze.refresh(session.cursor, one.table)


def _of_live(error: DuplicateRows, one: Replacement) -> ServiceError:
    """The answer for a key that is in the file twice, by the name that the table will have."""
    details = {**error.data.get("details", {}), "table": one.live.name}
    text = error.response
    if "name" in details:
        text = say("collection_name_repeated", name=details["name"], table=one.live.name)
    return DuplicateRows(text, can_retry=False, details=details)
