"""Add a backup's rows to the live ones; of a row that both have, one stays.

A row is known by its primary key, a collection by its name: where the live tables have a collection of the same name
under another uuid, the backup's is taken for it and its embeddings are attached to it. The tables are locked by then.
"""

from collections.abc import Mapping
from typing import Any

from psycopg2.sql import SQL, Composed, Identifier

from common.errors import OrphanRows
from common.messages import say
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.writing.staging import TEMPORARY, Staged
from data_pipeline.postgres.writing.sync import Counts, insert_missing, update_differing
from data_pipeline.storage.naming import COLLECTION, EMBEDDING

ASSIGNED = Identifier(TEMPORARY, "assigned_collection")
"""Not a name that a trigger is likely to mean: temporary tables come first in most paths."""

# A live collection of the same name; else the uuid itself, which is new or that of a collection renamed since; unless
# another collection of the backup has been given that uuid by its name: then one made from uuid and name.
ASSIGN = """
CREATE TEMPORARY TABLE assigned_collection ON COMMIT DROP AS
WITH by_name AS (
  SELECT s.*, (SELECT l.uuid FROM {live} l WHERE l.name OPERATOR(pg_catalog.=) s.name
               ORDER BY l.uuid OPERATOR(pg_catalog.<>) s.uuid, l.uuid LIMIT 1) AS found
  FROM {staged} s
), given AS (
  SELECT b.*, CASE WHEN b.found IS NOT NULL THEN b.found
                   WHEN EXISTS (SELECT FROM by_name o WHERE o.found OPERATOR(pg_catalog.=) b.uuid) THEN {derived}
                   ELSE b.uuid END AS target
  FROM by_name b
)
SELECT g.*, pg_catalog.row_number() OVER (
         PARTITION BY g.target ORDER BY g.uuid OPERATOR(pg_catalog.<>) g.target, g.uuid) AS place FROM given g
"""


def assign(session: Session, staged: Mapping[str, Staged]) -> None:
    """Give each staged collection the uuid it has among the live ones, and its embeddings with it."""
    session.enter("check")
    cursor, collections = session.cursor, staged[COLLECTION]
    cursor.execute(collections.sql(ASSIGN, derived=derived(SQL("b.uuid"), SQL("coalesce(b.name, '')"))))
    cursor.execute(collections.sql("DELETE FROM {staged}"))
    values = SQL(", ").join(Identifier("target" if name == "uuid" else name) for name in collections.columns)
    insert = "INSERT INTO {staged} ({columns}) SELECT {values} FROM {assigned} WHERE place OPERATOR(pg_catalog.=) 1"
    cursor.execute(collections.sql(insert, values=values, assigned=ASSIGNED))
    cursor.execute(
        staged[EMBEDDING].sql(
            "UPDATE {staged} s SET collection_id = a.target FROM {assigned} a "
            "WHERE a.uuid OPERATOR(pg_catalog.=) s.collection_id AND a.target OPERATOR(pg_catalog.<>) a.uuid",
            assigned=ASSIGNED,
        )
    )


def apply(session: Session, staged: Mapping[str, Staged], *, update: bool, compared: bool) -> dict[str, Counts]:
    """Insert the rows that are missing and, if asked to, give those that differ the backup's values.

    A row outside the scope is never updated: its key fails the insert (23505). compared: the staged rows will be
    compared with the live ones afterwards, so those that the live tables keep their own of are left out.
    """
    session.enter("check")
    return {name: _merge(session.cursor, one, update, compared) for name, one in staged.items()}


def expect_collections(cursor: Any, embeddings: Staged) -> None:
    """Raise OrphanRows unless the collections of all embeddings are live: no others are merged."""
    collection = Identifier(embeddings.live.schema, COLLECTION)
    cursor.execute(
        embeddings.sql(
            "SELECT EXISTS (SELECT FROM {staged} s WHERE s.collection_id IS NOT NULL "
            "AND NOT EXISTS (SELECT FROM {collection} c WHERE c.uuid = s.collection_id))",
            collection=collection,
        )
    )
    if cursor.fetchone()[0]:
        raise OrphanRows(say("orphan_embeddings"), can_retry=False)


def derived(uuid: Composed | SQL, text: Composed | SQL) -> Composed:
    """A uuid made from another and a text, always the same: RFC 9562's version 8, of their SHA-256."""
    joined = SQL("{}::pg_catalog.text OPERATOR(pg_catalog.||) {}").format(uuid, text)
    digest = SQL("pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to({}, 'UTF8')), 'hex')").format(joined)
    first = SQL("pg_catalog.left({}, 32)").format(digest)
    return SQL("overlay(overlay({} PLACING '8' FROM 13) PLACING '8' FROM 17)::pg_catalog.uuid").format(first)


def _merge(cursor: Any, staged: Staged, update: bool, compared: bool) -> Counts:
    cursor.execute(staged.sql("SELECT count(*) FROM {staged}"))
    rows = cursor.fetchone()[0]
    if compared and not update:
        cursor.execute(staged.sql("DELETE FROM {staged} s USING {live} l WHERE {same_key}"))
    updated = update_differing(cursor, staged) if update else 0
    inserted = insert_missing(cursor, staged, within_scope=update)
    return Counts(inserted, updated, unchanged=rows - inserted - updated)
