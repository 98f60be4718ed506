"""What a restore would do to the live tables, which are only read, seen from the backup's rows in temporary ones."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from psycopg2.sql import SQL, Identifier

from common.errors import DuplicateRows, PermissionDenied, SchemaMismatch
from common.messages import say
from data_pipeline.layouts.base import Ownership
from data_pipeline.postgres.schema import unique_keys
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.schema.unique_keys import UniqueKey
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.writing import clone, differing, staging
from data_pipeline.postgres.writing.staging import Staged
from data_pipeline.postgres.writing.sync import Counts

SAMPLES = 20

LOCKING = frozenset({"UPDATE, DELETE, TRUNCATE"})
"""Any of these lets a role lock a table against writers: has_table_privilege takes a list as that."""

PAIRED = """
SELECT count(*) FILTER (WHERE l.tableoid IS NULL),
       count(*) FILTER (WHERE l.tableoid IS NOT NULL AND NOT {differs}),
       count(*) FILTER (WHERE l.tableoid IS NOT NULL AND {differs})
FROM {staged} s LEFT JOIN {live} l ON {same_key}
"""
ONLY_LIVE = "SELECT count(*) FROM {live} l WHERE {in_scope} AND NOT EXISTS (SELECT FROM {staged} s WHERE {same_key})"

CONFLICTS = """
WITH found AS (
  SELECT DISTINCT s.{id}::text AS id FROM {staged} s
  WHERE {incoming} AND EXISTS (SELECT FROM {live} l WHERE {staying} AND {alike}))
SELECT count(*), ARRAY(SELECT id FROM found ORDER BY id COLLATE "C" LIMIT {samples}) FROM found
"""
UNSTAGED = """
SELECT EXISTS (SELECT FROM {staged} s JOIN {live} l ON {alike} WHERE {within} AND ({in_scope}) IS NOT TRUE)
"""
TWICE = """
SELECT EXISTS (SELECT FROM {staged} s WHERE {incoming} AND {present} GROUP BY {columns_} HAVING count(*) > 1)
"""


@dataclass(frozen=True)
class Meeting:
    """Which rows would be written, of the staged ones as s, and which live ones as l would stay as they are.

    Conditions, as Staged.sql fills them in.
    """

    incoming: str = "TRUE"
    staying: str = "TRUE"


REPLACED = Meeting(staying="FALSE")
ADDED = Meeting()
WITHIN_SCOPE = Meeting(staying="({within}) IS NOT TRUE")  # NULL: in no collection
SKIPPED = Meeting(incoming="NOT EXISTS (SELECT FROM {live} l WHERE {same_key})")
UPDATED = Meeting(staying="({in_scope} AND EXISTS (SELECT FROM {staged} s WHERE {same_key})) IS NOT TRUE")


def expect_key(cursor: Cursor, table: Table) -> None:
    """Raise SchemaMismatch for a table without a key: nothing tells its rows apart."""
    if not staging.key(cursor, table).columns:
        text = say("table_without_key", table=table.name)
        raise SchemaMismatch(text, can_retry=False, details={"table": table.name})


def counts(cursor: Cursor, staged: Staged) -> Counts:
    """What a sync would make of the live rows in scope, which are compared to the bit."""
    cursor.execute(staged.sql(PAIRED))
    inserted, unchanged, updated = cursor.one()
    return Counts(inserted, updated, only_live(cursor, staged), unchanged + staged.unstaged)


def only_live(cursor: Cursor, staged: Staged) -> int:
    """How many live rows in scope have a key that the backup does not have."""
    cursor.execute(staged.sql(ONLY_LIVE))
    return int(cursor.value())


def meets_unstaged(cursor: Cursor, staged: Staged, keys: Sequence[UniqueKey] | None = None) -> bool:
    """Whether a staged row has, in a unique key, what one has that was left out: all of the backup has to be staged to
    tell which rows these are.

    keys: all of the table's if absent.
    """
    if staged.differing is None:
        return False
    for key in _unique_keys(cursor, staged) if keys is None else keys:
        cursor.execute(staged.sql(UNSTAGED, alike=key.same("l", "s")))
        if cursor.value():
            return True
    return False


def expect_unique(cursor: Cursor, staged: Staged, meeting: Meeting) -> None:
    """Raise DuplicateRows for rows that a unique index would refuse, with up to 20 ids."""
    for key in _unique_keys(cursor, staged):
        count, ids = _conflicts(cursor, staged, meeting, key)
        if count or _twice(cursor, staged, meeting, key.columns):
            raise _refused(staged, key.columns, count, ids)


def expect_free_ids(cursor: Cursor, ownership: Ownership, staged: Staged, suffix: str) -> None:
    """Raise DuplicateRows for copies whose id is taken already."""
    id_ = staged.key[0]
    value = clone.value(ownership, staged.live, id_, suffix)
    cursor.execute(
        staged.sql("SELECT count(*) FROM {staged} s JOIN {live} l ON l.{id} = {value}", id=Identifier(id_), value=value)
    )
    if count := cursor.value():
        raise _refused(staged, [id_], count, [])


def expect_writable(cursor: Cursor, staged: Staged) -> None:
    """Raise SchemaMismatch for rows that can't be given the backup's values, PermissionDenied if the role may not."""
    hindered, identities = differing.hindering(staged), differing.identities(staged)
    if hindered is None:
        return
    if not differing.is_referred(cursor, staged):
        if differing.differing(cursor, staged, hindered):
            expect_privileges(cursor, staged.live, ["DELETE"])
        return
    for name in identities:
        other = SQL("l.{0} OPERATOR(pg_catalog.<>) s.{0}").format(Identifier(name))
        if rows := differing.differing(cursor, staged, other):
            details = {"table": staged.live.name, "columns": [name], "rows": rows}
            text = say("identity_differs", table=staged.live.name, column=name, rows=rows)
            raise SchemaMismatch(text, can_retry=False, details=details)


def expect_privileges(cursor: Cursor, table: Table, privileges: Collection[str]) -> None:
    """Raise PermissionDenied, naming those that this role lacks; of a list the first one."""
    single = {one for one in privileges if "," not in one}
    wanted = sorted(single | {one for one in privileges if not single & set(one.split(", "))})
    cursor.execute(
        "SELECT p FROM unnest(%s) p WHERE NOT has_table_privilege(%s::oid, p) ORDER BY 1", (wanted, table.oid)
    )
    if lacking := [name.partition(",")[0] for (name,) in cursor.fetchall()]:
        raise PermissionDenied(
            say("privileges_lacking", table=table.name, privileges=", ".join(lacking)),
            can_retry=False,
            details={"table": table.name, "privileges": lacking},
        )


def _unique_keys(cursor: Cursor, staged: Staged) -> list[UniqueKey]:
    """Those whose columns the backup has: the server's values of the others aren't known yet."""
    return [key for key in unique_keys.of(cursor, staged.live.oid) if set(key.columns) <= set(staged.columns)]


def _conflicts(cursor: Cursor, staged: Staged, meeting: Meeting, key: UniqueKey) -> tuple[int, list[str]]:
    cursor.execute(
        staged.sql(
            CONFLICTS,
            id=Identifier(staged.key[0]),
            incoming=staged.sql(meeting.incoming),
            staying=staged.sql(meeting.staying),
            alike=key.same("l", "s"),
            samples=SQL(str(SAMPLES)),
        )
    )
    count, ids = cursor.one()
    return int(count), list(ids)


def _twice(cursor: Cursor, staged: Staged, meeting: Meeting, columns: Sequence[str]) -> bool:
    """Whether two of the backup's own rows would meet."""
    names = [SQL("s.{}").format(Identifier(name)) for name in columns]
    cursor.execute(
        staged.sql(
            TWICE,
            incoming=staged.sql(meeting.incoming),
            present=SQL(" AND ").join(SQL("{} IS NOT NULL").format(name) for name in names),
            columns_=SQL(", ").join(names),
        )
    )
    return bool(cursor.value())


def _refused(staged: Staged, columns: Sequence[str], count: int, ids: Sequence[str]) -> DuplicateRows:
    details = {"table": staged.live.name, "columns": list(columns), "rows": count, "ids": list(ids)}
    return DuplicateRows(say("duplicate_rows"), can_retry=False, details=details)
