"""Collections picked by name: which they are in a backup and in the live tables, and how they are kept still.

Whoever adds an embedding takes a KEY SHARE lock on its collection, because of the foreign key. So a lock on the rows of
the chosen collections makes their writers wait, and nobody else's. Nobody can make a second collection of a chosen name
because names are unique. Tables without that key are locked as a whole instead, against writers; readers never wait.
"""

from collections.abc import Collection, Sequence
from typing import Any

from psycopg2.sql import SQL

from common.errors import DuplicateRows, NotFound, OrphanRows
from common.messages import say
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.schema import tables
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.storage.naming import COLLECTION, EMBEDDING, TABLES

MOST_NAMES = 100
"""Of the names there are, an answer lists no more."""

UNIQUE_NAMES = """
SELECT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
               WHERE i.indrelid = %s AND i.indisunique AND i.indisvalid AND i.indnkeyatts = 1 AND i.indpred IS NULL
               AND a.attname = 'name')
"""


def pick(cursor: Any, collection: Table, names: Sequence[str], missing: Collection[str] = ()) -> list[str]:
    """The uuids of the collections of these names.

    missing: names that may be. Raises NotFound for any other, with the names there are.
    """
    cursor.execute(
        SQL("SELECT uuid::text, name FROM {} WHERE name = ANY(%s)").format(collection.identifier), (list(names),)
    )
    found = cursor.fetchall()
    unknown = [name for name in names if name not in missing and name not in {known for _, known in found}]
    if unknown:
        raise absent(unknown, _names(cursor, collection))
    return [uuid for uuid, _ in found]


def absent(unknown: Sequence[str], present: Sequence[str]) -> NotFound:
    """The answer for names that no collection has, with the names there are."""
    listed = list(present[:MOST_NAMES])
    text = say("collections_unknown", unknown=", ".join(unknown), present=", ".join(listed) or say("none"))
    return NotFound(text, details={"unknown": list(unknown), "collections": listed})


def hold(
    cursor: Any, live: dict[str, Table], names: Sequence[str], uuids: Sequence[str], *, by_key: bool, rows: bool
) -> Scope:
    """Make the writers of the chosen collections wait until the transaction ends; returns what is live of them.

    uuids: the backup's. by_key: a foreign key makes whoever adds an embedding look at its collection; without one
    every writer has to wait. rows: whoever changes or deletes an embedding waits from now on, not only once we come to
    the same row. Raises DuplicateRows if a chosen collection has another name by now.
    """
    collection, embedding = live[COLLECTION], live[EMBEDDING]
    _lock_tables(cursor, collection, by_key)
    cursor.execute(
        SQL("SELECT uuid::text, name FROM {} WHERE name = ANY(%s) OR uuid = ANY(%s::uuid[]) FOR UPDATE").format(
            collection.identifier
        ),
        (list(names), list(uuids)),
    )
    found = cursor.fetchall()  # as they are now that they are locked
    _expect_chosen(names, [name for _, name in found])
    scope = Scope(tuple(names), tuple(dict.fromkeys([*uuids, *(uuid for uuid, _ in found)])))
    if rows:
        statement = SQL("SELECT count(*) FROM (SELECT FROM {} l WHERE {} FOR UPDATE) locked")
        cursor.execute(statement.format(embedding.identifier, scope.condition(EMBEDDING, "l")))
    return scope


def _lock_tables(cursor: Any, collection: Table, by_key: bool) -> None:
    cursor.execute(UNIQUE_NAMES, (collection.oid,))
    unique = cursor.fetchone()[0]
    if not (by_key and unique):
        tables.lock(cursor, collection.schema, (COLLECTION,) if by_key else TABLES, "SHARE ROW EXCLUSIVE")


def scope_of(cursor: Any, collection: Table, names: Sequence[str], uuids: Sequence[str]) -> Scope:
    """The chosen collections, by their uuids in the backup and those that are live under these names."""
    cursor.execute(SQL("SELECT uuid::text FROM {} WHERE name = ANY(%s)").format(collection.identifier), (list(names),))
    return Scope(tuple(names), tuple(dict.fromkeys([*uuids, *(uuid for (uuid,) in cursor.fetchall())])))


def expect_names_kept(cursor: Any, collection: Table, names: Sequence[str], uuids: Sequence[str]) -> None:
    """Raise DuplicateRows if a chosen collection is there under a name that was not chosen: it isn't ours to touch."""
    cursor.execute(
        SQL("SELECT name FROM {} WHERE uuid = ANY(%s::uuid[])").format(collection.identifier), (list(uuids),)
    )
    _expect_chosen(names, [name for (name,) in cursor.fetchall()])


def _expect_chosen(names: Sequence[str], found: Sequence[str | None]) -> None:
    others = sorted({name or "" for name in found} - set(names))
    if others:
        raise DuplicateRows(
            say("collections_renamed", names=", ".join(others)),
            can_retry=False,
            details={"collections": others},
        )


def expect_there(cursor: Any, collection: Table, uuids: Sequence[str]) -> None:
    """Raise OrphanRows unless all of them are live: embeddings alone are to be restored."""
    cursor.execute(
        SQL("SELECT count(*) FROM {} WHERE uuid = ANY(%s::uuid[])").format(collection.identifier), (list(uuids),)
    )
    if cursor.fetchone()[0] < len(uuids):
        raise OrphanRows(say("collections_not_in_target"), can_retry=False)


def delete_embeddings(cursor: Any, live: dict[str, Table], scope: Scope) -> int:
    """Delete the embeddings of the chosen collections; returns how many they were."""
    table = live[EMBEDDING]
    condition = scope.condition(EMBEDDING, "l")
    cursor.execute(SQL("DELETE FROM {} l WHERE {}").format(table.identifier, condition))
    return int(cursor.rowcount)


def _names(cursor: Any, collection: Table) -> list[str]:
    statement = SQL("SELECT DISTINCT name FROM {} WHERE name IS NOT NULL ORDER BY 1 LIMIT {}")
    cursor.execute(statement.format(collection.identifier, SQL(str(MOST_NAMES))))
    return [name for (name,) in cursor.fetchall()]
