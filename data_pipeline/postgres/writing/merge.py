"""Add a backup's rows to the live ones; of a row that both have, one stays.

A row is known by its primary key, an owner (LangChain's collection) by its name: where the live tables have one of the
same name under another uuid, the backup's is taken for it and its rows are attached to it. The tables are locked by
then.
"""

from collections.abc import Mapping

from psycopg2.sql import SQL, Composable, Composed, Identifier

from common.errors import OrphanRows
from common.messages import say
from data_pipeline.layouts.base import Ownership
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.schema.tables import Live
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.writing import differing, staging
from data_pipeline.postgres.writing.differing import Written
from data_pipeline.postgres.writing.staging import TEMPORARY, Staged
from data_pipeline.postgres.writing.sync import Counts, insert_missing

ASSIGNED = Identifier(TEMPORARY, "assigned_collection")
"""Not a name that a trigger is likely to mean: temporary tables come first in most paths."""

# A live owner of the same name; else the uuid itself, which is new or that of an owner renamed since; unless another
# owner of the backup has been given that uuid by its name: then one made from uuid and name.
ASSIGN = """
CREATE TEMPORARY TABLE assigned_collection ON COMMIT DROP AS
WITH by_name AS (
  SELECT s.*, (SELECT l.{key} FROM {live} l WHERE l.{name} OPERATOR(pg_catalog.=) s.{name}
               ORDER BY l.{key} OPERATOR(pg_catalog.<>) s.{key}, l.{key} LIMIT 1) AS found
  FROM {staged} s
), given AS (
  SELECT b.*, CASE WHEN b.found IS NOT NULL THEN b.found
                   WHEN EXISTS (SELECT FROM by_name o WHERE o.found OPERATOR(pg_catalog.=) b.{key}) THEN {derived}
                   ELSE b.{key} END AS target
  FROM by_name b
)
SELECT g.*, pg_catalog.row_number() OVER (
         PARTITION BY g.target ORDER BY g.{key} OPERATOR(pg_catalog.<>) g.target, g.{key}) AS place FROM given g
"""


def assign(session: Session, ownership: Ownership, staged: Mapping[str, Staged]) -> None:
    """Give each staged owner the uuid it has among the live ones, and its rows with it."""
    session.enter("check")
    cursor, owners = session.cursor, staged[ownership.owner]
    key, name = Identifier(ownership.key), Identifier(ownership.name)
    given = derived(Identifier("b", ownership.key), SQL("coalesce({}, '')").format(Identifier("b", ownership.name)))
    cursor.execute(owners.sql(ASSIGN, key=key, name=name, derived=given))
    cursor.execute(owners.sql("DELETE FROM {staged}"))
    values = SQL(", ").join(Identifier("target" if one == ownership.key else one) for one in owners.columns)
    insert = "INSERT INTO {staged} ({columns}) SELECT {values} FROM {assigned} WHERE place OPERATOR(pg_catalog.=) 1"
    cursor.execute(owners.sql(insert, values=values, assigned=ASSIGNED))
    cursor.execute(
        staged[ownership.member].sql(
            "UPDATE {staged} s SET {column} = a.target FROM {assigned} a "
            "WHERE a.{key} OPERATOR(pg_catalog.=) s.{column} AND a.target OPERATOR(pg_catalog.<>) a.{key}",
            assigned=ASSIGNED,
            key=key,
            column=Identifier(ownership.column),
        )
    )


def apply(session: Session, staged: Mapping[str, Staged], *, update: bool, compared: bool) -> dict[str, Counts]:
    """Insert the rows that are missing and, if asked to, give those that differ the backup's values.

    A row outside the scope is never updated: its key fails the insert (23505). compared: the staged rows will be
    compared with the live ones afterwards, so those that the live tables keep their own of are left out.
    """
    session.enter("check")
    return {name: _merge(session.cursor, one, update, compared) for name, one in staged.items()}


def derived(uuid: Composable, text: Composable) -> Composed:
    """A uuid made from another and a text, always the same: RFC 9562's version 8, of their SHA-256."""
    joined = SQL("{}::pg_catalog.text OPERATOR(pg_catalog.||) {}").format(uuid, text)
    digest = SQL("pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to({}, 'UTF8')), 'hex')").format(joined)
    first = SQL("pg_catalog.left({}, 32)").format(digest)
    return SQL("overlay(overlay({} PLACING '8' FROM 13) PLACING '8' FROM 17)::pg_catalog.uuid").format(first)


def _merge(cursor: Cursor, staged: Staged, update: bool, compared: bool) -> Counts:
    rows = staging.count(cursor, staged)
    if compared and not update:
        cursor.execute(staged.sql("DELETE FROM {staged} s USING {live} l WHERE {same_key}"))
    parked, written = 0, Written(0, 0)
    if update:
        if staged.unique and differing.is_referred(cursor, staged):
            parked = differing.park_unique(cursor, staged, differing.CHANGING)
        written = differing.write(cursor, staged)
    inserted = insert_missing(cursor, staged, within_scope=update)
    unchanged = rows - inserted - written.updated
    return Counts(inserted, written.updated, unchanged=unchanged, parked=parked, rewritten=written.rewritten)


def expect_owners(cursor: Cursor, live: Live, staged: Mapping[str, Staged]) -> None:
    """Raise OrphanRows if rows are merged without their owners, and these are not live."""
    ownership = live.layout.ownership
    if ownership is None or ownership.owner in staged or ownership.member not in staged:
        return
    members = staged[ownership.member]
    cursor.execute(
        members.sql(
            "SELECT EXISTS (SELECT FROM {staged} s WHERE s.{column} IS NOT NULL "
            "AND NOT EXISTS (SELECT FROM {owners} c WHERE c.{key} = s.{column}))",
            owners=live.owner.identifier,
            key=Identifier(ownership.key),
            column=Identifier(ownership.column),
        )
    )
    if cursor.value():
        raise OrphanRows(say("orphan_embeddings"), can_retry=False)
