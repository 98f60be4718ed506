"""Owners (LangChain's collections) picked by name: which they are in a backup and in the live tables, and how they are
kept still.

An INSERT of a member row takes a KEY SHARE lock on its owner, because of the foreign key. So a lock on the rows of the
chosen owners makes their writers wait, and no others. A second owner of a chosen name can't be made because names are
unique. Tables without that key are locked as a whole instead, against writers; readers never wait.
"""

from collections.abc import Collection, Sequence
from typing import Any

from psycopg2.sql import SQL, Composed, Identifier

from common.errors import DuplicateRows, NotFound, OrphanRows
from common.messages import say
from data_pipeline.layouts.base import Ownership
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.schema import tables
from data_pipeline.postgres.schema.tables import Live, Table
from data_pipeline.postgres.search_path import Cursor

MOST_NAMES = 100
"""Of the names there are, an answer lists no more."""

UNIQUE_NAMES = """
SELECT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
               WHERE i.indrelid = %s AND i.indisunique AND i.indisvalid AND i.indnkeyatts = 1 AND i.indpred IS NULL
               AND a.attname = %s)
"""


class Owners:
    """The rows of one table, live or temporary, that own others."""

    def __init__(self, cursor: Cursor, ownership: Ownership, table: Table) -> None:
        self._cursor = cursor
        self._ownership = ownership
        self._table = table

    def pick(self, names: Sequence[str], missing: Collection[str] = ()) -> list[str]:
        """The uuids of the owners of these names.

        missing: names that may be. Raises NotFound for any other, with the names there are.
        """
        found = self._rows("SELECT {key}::text, {name} FROM {owners} WHERE {name} = ANY(%s)", list(names))
        known = {name for _, name in found}
        unknown = [name for name in names if name not in missing and name not in known]
        if unknown:
            raise absent(unknown, self._names())
        return [uuid for uuid, _ in found]

    def scope_of(self, names: Sequence[str], uuids: Sequence[str]) -> Scope:
        """The chosen owners, by their uuids in the backup and those that are live under these names."""
        found = self._rows("SELECT {key}::text FROM {owners} WHERE {name} = ANY(%s)", list(names))
        return Scope(tuple(names), tuple(dict.fromkeys([*uuids, *(uuid for (uuid,) in found)])))

    def expect_names_kept(self, names: Sequence[str], uuids: Sequence[str]) -> None:
        """Raise DuplicateRows if a chosen owner is there under a name that was not chosen: it isn't ours to touch."""
        found = self._rows("SELECT {name} FROM {owners} WHERE {key} = ANY(%s::uuid[])", list(uuids))
        _expect_chosen(names, [name for (name,) in found])

    def expect_there(self, uuids: Sequence[str]) -> None:
        """Raise OrphanRows unless all of them are live: their rows alone are to be restored."""
        ((count,),) = self._rows("SELECT count(*) FROM {owners} WHERE {key} = ANY(%s::uuid[])", list(uuids))
        if count < len(uuids):
            raise OrphanRows(say("collections_not_in_target"), can_retry=False)

    def lock(self, names: Sequence[str], uuids: Sequence[str]) -> Scope:
        """Lock the rows of the chosen owners, by either; what they are now that they are locked."""
        statement = (
            "SELECT {key}::text, {name} FROM {owners} WHERE {name} = ANY(%s) OR {key} = ANY(%s::uuid[]) FOR UPDATE"
        )
        found = self._rows(statement, list(names), list(uuids))
        _expect_chosen(names, [name for _, name in found])
        return Scope(tuple(names), tuple(dict.fromkeys([*uuids, *(uuid for uuid, _ in found)])))

    def have_unique_names(self) -> bool:
        """Whether the database lets no two of them have one name."""
        self._cursor.execute(UNIQUE_NAMES, (self._table.oid, self._ownership.name))
        return bool(self._cursor.value())

    def _names(self) -> list[str]:
        statement = "SELECT DISTINCT {name} FROM {owners} WHERE {name} IS NOT NULL ORDER BY 1 LIMIT %s"
        return [name for (name,) in self._rows(statement, MOST_NAMES)]

    def _rows(self, template: str, *parameters: Any) -> list[Any]:
        self._cursor.execute(self._sql(template), parameters)
        return list(self._cursor.fetchall())

    def _sql(self, template: str) -> Composed:
        key, name = Identifier(self._ownership.key), Identifier(self._ownership.name)
        return SQL(template).format(key=key, name=name, owners=self._table.identifier)


def absent(unknown: Sequence[str], present: Sequence[str]) -> NotFound:
    """The answer for names that no owner has, with the names there are."""
    listed = list(present[:MOST_NAMES])
    text = say("collections_unknown", unknown=", ".join(unknown), present=", ".join(listed) or say("none"))
    return NotFound(text, details={"unknown": list(unknown), "collections": listed})


def lock(
    cursor: Cursor,
    ownership: Ownership,
    live: Live,
    names: Sequence[str],
    uuids: Sequence[str],
    *,
    by_key: bool,
    rows: bool,
) -> Scope:
    """Make the writers of the chosen owners wait until the transaction ends; returns what is live of them.

    uuids: the backup's. by_key: a foreign key makes an INSERT look at the row's owner; without one every writer has to
    wait. rows: an UPDATE or DELETE of one of their rows waits from now on, not only once the restore comes to the same
    row. Raises DuplicateRows if a chosen owner has another name by now.
    """
    owners = Owners(cursor, ownership, live.owner)
    if not (by_key and owners.have_unique_names()):
        locked = [ownership.owner] if by_key else None
        tables.lock(cursor, live.schema, live.layout, "SHARE ROW EXCLUSIVE", locked)
    scope = owners.lock(names, uuids)
    if rows:
        statement = SQL("SELECT count(*) FROM (SELECT FROM {} l WHERE {} FOR UPDATE) locked")
        cursor.execute(statement.format(live.members.identifier, scope.condition(live.members.layout, "l")))
    return scope


def delete_members(cursor: Cursor, live: Live, scope: Scope) -> int:
    """Delete the rows of the chosen owners; returns how many they were."""
    condition = scope.condition(live.members.layout, "l")
    cursor.execute(SQL("DELETE FROM {} l WHERE {}").format(live.members.identifier, condition))
    return cursor.rowcount


def _expect_chosen(names: Sequence[str], found: Sequence[str | None]) -> None:
    others = sorted({name or "" for name in found} - set(names))
    if others:
        raise DuplicateRows(
            say("collections_renamed", names=", ".join(others)),
            can_retry=False,
            details={"collections": others},
        )
