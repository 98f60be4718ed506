"""A backup's collections as new ones beside the originals: `name + suffix`, with uuids and ids of their own.

Everything new is made from the old and the suffix, always the same, so that a second copy meets the first one and
fails instead of doubling it. An id gets the suffix too, so that people can tell which row it is a copy of.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from psycopg2.sql import SQL, Composable, Identifier, Literal

from common.errors import DuplicateRows, NotFound
from common.messages import say
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.writing import staging
from data_pipeline.postgres.writing.merge import derived
from data_pipeline.postgres.writing.staging import Staged
from data_pipeline.storage.naming import COLLECTION, EMBEDDING

MOST_NAMES = 100
"""Of the names that are taken, an answer lists no more."""

NEW_UUID = frozenset({"uuid", "collection_id"})
NEW_TEXT = frozenset({"name", "id", "custom_id"})


def names(cursor: Any, collections: Staged, suffix: str) -> list[str]:
    """What the copies will be called. Raises NotFound if there is nothing to copy."""
    cursor.execute(collections.sql("SELECT coalesce(name, '') || {suffix} FROM {staged}", suffix=Literal(suffix)))
    found = sorted({name for (name,) in cursor.fetchall()})
    if not found:
        raise NotFound(say("collections_absent"))
    return found


def expect_free(cursor: Any, collection: Table, names: Sequence[str]) -> None:
    """Raise DuplicateRows if one of the names is taken."""
    cursor.execute(SQL("SELECT name FROM {} WHERE name = ANY(%s)").format(collection.identifier), (list(names),))
    taken = sorted({name for (name,) in cursor.fetchall()})[:MOST_NAMES]
    if taken:
        text = say("collections_taken", names=", ".join(taken))
        raise DuplicateRows(text, can_retry=False, details={"collections": taken})


def insert(session: Session, staged: Mapping[str, Staged], suffix: str) -> int:
    """Write the copies; returns how many embeddings were left out because they are in no collection."""
    session.enter("check")
    for name in (COLLECTION, EMBEDDING):
        _insert(session.cursor, staged[name], staged[name].live, suffix)
    return without_collection(session.cursor, staged[EMBEDDING])


def without_collection(cursor: Any, embeddings: Staged) -> int:
    """How many of the backup's embeddings are in no collection."""
    cursor.execute(embeddings.sql("SELECT count(*) FROM {staged} WHERE collection_id IS NULL"))
    return int(cursor.fetchone()[0])


def staged_copies(session: Session, staged: Mapping[str, Staged], suffix: str) -> list[Staged]:
    """The same rows in temporary tables, to be compared with what the live ones hold of them."""
    copied = []
    for one in staged.values():
        empty = staging.stage(session.cursor, replace(one.source, table=one.live), prefix="copied")
        _insert(session.cursor, one, empty.table, suffix)
        copied.append(empty)
    return copied


def _insert(cursor: Any, one: Staged, into: Table, suffix: str) -> None:
    values = SQL(", ").join(value(column, suffix) for column in one.columns)
    owner = Identifier("s", "uuid" if one.live.name == COLLECTION else "collection_id")
    statement = "INSERT INTO {into} ({columns}) SELECT {values} FROM {staged} s WHERE {owner} IS NOT NULL"
    cursor.execute(one.sql(statement, into=into.identifier, values=values, owner=owner))


def keys(cursor: Any, column: str, originals: Sequence[str], suffix: str) -> dict[str, str]:
    """For values of `id`, or of the old tables' `uuid`, those of the copies."""
    given = SQL("%(suffix)s")
    value = derived(SQL("k"), given) if column in NEW_UUID else SQL("k || {}").format(given)
    statement = SQL("SELECT k, ({})::text FROM unnest(%(originals)s::text[]) k").format(value)
    cursor.execute(statement, {"suffix": suffix, "originals": list(originals)})
    return dict(cursor.fetchall())


def value(column: str, suffix: str) -> Composable:
    old = Identifier("s", column)
    if column in NEW_UUID:
        return derived(SQL("{}").format(old), SQL("{}").format(Literal(suffix)))
    if column in NEW_TEXT:
        text = SQL("coalesce({}, '')" if column == "name" else "{}").format(old)
        return SQL("{} OPERATOR(pg_catalog.||) {}").format(text, Literal(suffix))
    return old
