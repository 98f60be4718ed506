"""A backup's owners (LangChain's collections) as new ones beside the originals: `name + suffix`, with uuids and ids of
their own, and so their rows.

Everything new is made from the old and the suffix, always the same, so that a second copy meets the first one and
fails instead of doubling it. An id gets the suffix too, so that people can tell which row it is a copy of; one that is
a uuid, as LangChain JS has it, makes another uuid.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from psycopg2.sql import SQL, Composable, Identifier, Literal

from common.errors import DuplicateRows, NotFound
from common.messages import say
from data_pipeline.layouts.base import Ownership
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.writing import staging
from data_pipeline.postgres.writing.merge import derived
from data_pipeline.postgres.writing.staging import Staged

MOST_NAMES = 100
"""Of the names that are taken, an answer lists no more."""


def names(cursor: Cursor, ownership: Ownership, owners: Staged, suffix: str) -> list[str]:
    """What the copies will be called. Raises NotFound if there is nothing to copy."""
    name = Identifier(ownership.name)
    cursor.execute(
        owners.sql("SELECT coalesce({name}, '') || {suffix} FROM {staged}", name=name, suffix=Literal(suffix))
    )
    found = sorted({name for (name,) in cursor.fetchall()})
    if not found:
        raise NotFound(say("collections_absent"))
    return found


def expect_free(cursor: Cursor, ownership: Ownership, owners: Table, names: Sequence[str]) -> None:
    """Raise DuplicateRows if one of the names is taken."""
    statement = SQL("SELECT {name} FROM {owners} WHERE {name} = ANY(%s)")
    cursor.execute(statement.format(name=Identifier(ownership.name), owners=owners.identifier), (list(names),))
    taken = sorted({name for (name,) in cursor.fetchall()})[:MOST_NAMES]
    if taken:
        text = say("collections_taken", names=", ".join(taken))
        raise DuplicateRows(text, can_retry=False, details={"collections": taken})


def insert(session: Session, ownership: Ownership, staged: Mapping[str, Staged], suffix: str) -> int:
    """Write the copies, owners first; returns how many rows were left out because they have no owner."""
    session.enter("check")
    for name in (ownership.owner, ownership.member):
        _insert(session.cursor, ownership, staged[name], staged[name].live, suffix)
    return without_owner(session.cursor, staged[ownership.member])


def without_owner(cursor: Cursor, members: Staged) -> int:
    """How many of the backup's rows have no owner."""
    column = Identifier(str(members.live.layout.owner_column))
    cursor.execute(members.sql("SELECT count(*) FROM {staged} WHERE {column} IS NULL", column=column))
    return int(cursor.value())


def staged_copies(session: Session, ownership: Ownership, staged: Mapping[str, Staged], suffix: str) -> list[Staged]:
    """The same rows in temporary tables, to be compared with what the live ones hold of them."""
    copied = []
    for one in staged.values():
        kept = tuple(column for column in one.source.layout.columns if column.name in _copied(one))
        source = replace(one.source, table=one.live, layout=replace(one.source.layout, columns=kept))
        empty = staging.stage(session.cursor, source, prefix="copied")
        _insert(session.cursor, ownership, one, empty.table, suffix)
        copied.append(empty)
    return copied


def _insert(cursor: Cursor, ownership: Ownership, one: Staged, into: Table, suffix: str) -> None:
    copied = _copied(one)
    numbered = [name for name in one.columns if name not in copied]
    cursor.execute(
        one.sql(
            "INSERT INTO {destination} ({copied}) SELECT {values} FROM {staged} s WHERE {owner} IS NOT NULL{in_order}",
            destination=into.identifier,
            copied=SQL(", ").join(map(Identifier, copied)),
            values=SQL(", ").join(value(ownership, one.live, column, suffix) for column in copied),
            owner=Identifier("s", str(one.live.layout.owner_column)),
            in_order=SQL(" ORDER BY {}").format(SQL(", ").join(map(Identifier, numbered))) if numbered else SQL(""),
        )
    )


def _copied(one: Staged) -> list[str]:
    """The columns that a copy has from its original: an identity column gets numbers of its own, in the same order."""
    numbered = {column.name for column in one.live.columns if column.identity}
    return [name for name in one.columns if name not in numbered]


def keys(cursor: Cursor, table: Table, column: str, originals: Sequence[str], suffix: str) -> dict[str, str]:
    """For values of a column that tells rows apart, those of the copies."""
    given = SQL("%(suffix)s")
    value = derived(SQL("k"), given) if _is_uuid(table, column) else SQL("k || {}").format(given)
    statement = SQL("SELECT k, ({})::text FROM unnest(%(originals)s::text[]) k").format(value)
    cursor.execute(statement, {"suffix": suffix, "originals": list(originals)})
    return dict(cursor.fetchall())


def value(ownership: Ownership, table: Table, column: str, suffix: str) -> Composable:
    """What a copy has in a column, from the original as s. An owner without a name gets one."""
    old = Identifier("s", column)
    if column not in table.layout.identifiers:
        return old
    if _is_uuid(table, column):
        return derived(old, Literal(suffix))
    named = (table.name, column) == (ownership.owner, ownership.name)
    text = SQL("coalesce({}, '')").format(old) if named else old
    return SQL("{} OPERATOR(pg_catalog.||) {}").format(text, Literal(suffix))


def _is_uuid(table: Table, column: str) -> bool:
    found = table.column(column)
    return found is not None and found.type == "uuid"
