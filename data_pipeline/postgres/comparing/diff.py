"""Two versions of owners (LangChain's collections) and their rows side by side: by the owner's name which rows only one
version has, and which differ.

A backup is staged in temporary tables; the other version is a second backup, staged too, or the live tables as one
snapshot has them, under no lock but ACCESS SHARE. Rows are paired by the name of their owner and their key, and
compared to the bit (see sync.py). What names a row's owner is not: the owner's name stands for it, and the uuid is
compared once, as the owner's own. All of it happens on the server, so memory here stays flat.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from psycopg2.sql import SQL, Composable, Composed, Identifier

from common.errors import DuplicateRows
from common.messages import say
from data_pipeline.formats.worker_pool import WorkerPool
from data_pipeline.layouts.base import Ownership
from data_pipeline.postgres.comparing.left_out import Leaving, LeftOut
from data_pipeline.postgres.connection import Session, prefer
from data_pipeline.postgres.row_filter import EVERYTHING
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.writing import casts, conversion, copy_in
from data_pipeline.postgres.writing.staging import TEMP_BUFFERS, temporary
from data_pipeline.sets.tables import own_types
from data_pipeline.sets.tables.table_source import Source

KINDS = ("only_in_backup", "only_in_other", "different", "same")
SAMPLES = 20

# With -1 for the modifier bpchar and bit keep their length open, as a vector does. Printed as CREATE TABLE reads it.
TYPES = """
SELECT attname, pg_catalog.format_type(atttypid, -1) FROM pg_catalog.pg_attribute
WHERE attrelid OPERATOR(pg_catalog.=) %s AND attnum OPERATOR(pg_catalog.>) 0 AND NOT attisdropped
"""

# One name may be NULL or, in LangChain's old tables, stand twice; rows without an owner have none.
ROWS = """
SELECT e.*, e.{key}::pg_catalog.text COLLATE pg_catalog."C" AS paired_key,
       coalesce(c.{name}::pg_catalog.text, '') COLLATE pg_catalog."C" AS paired_name,
       c.{name} IS NULL AS paired_nameless, true AS paired
FROM {members} e LEFT JOIN {owners} c ON c.{owner_key} OPERATOR(pg_catalog.=) e.{column}
WHERE {compared}
"""

PAIRED = """
CREATE TEMPORARY TABLE paired_rows ON COMMIT DROP AS
SELECT CASE WHEN o.paired IS NULL THEN 'only_in_backup' WHEN b.paired IS NULL THEN 'only_in_other'
            WHEN ROW({backup_values})::pg_catalog.record OPERATOR(pg_catalog.*<>)
                 ROW({other_values})::pg_catalog.record THEN 'different' ELSE 'same' END AS kind,
       CASE WHEN NOT coalesce(b.paired_nameless, o.paired_nameless) THEN coalesce(b.paired_name, o.paired_name) END
         AS name,
       coalesce(b.paired_key, o.paired_key) AS key
FROM ({backup}) b FULL JOIN ({other}) o
  ON b.paired_key OPERATOR(pg_catalog.=) o.paired_key AND b.paired_name OPERATOR(pg_catalog.=) o.paired_name
  AND b.paired_nameless OPERATOR(pg_catalog.=) o.paired_nameless
"""

TWICE = """
SELECT EXISTS (SELECT FROM ({rows}) r GROUP BY paired_key, paired_name, paired_nameless HAVING count(*) > 1)
"""

COUNTS = "SELECT name, kind, count(*) FROM paired_rows GROUP BY 1, 2"

SOME = """
SELECT name, kind, key FROM (
  SELECT name, kind, key, row_number() OVER (PARTITION BY name, kind ORDER BY key COLLATE "C") AS n
  FROM paired_rows WHERE kind <> 'same') numbered
WHERE n <= %s ORDER BY name, kind, n
"""

Name = str | None
Types = Mapping[str, Mapping[str, Composable]]
"""By table and column."""


@dataclass(frozen=True)
class Version:
    """One of the two: live tables, or staged ones.

    converted: what was done to how many of its rows. types: those that columns are compared in, where they have others;
    others: the same of the live version that this one is compared with. left_out: of live tables, rows that the backup
    is known to have as well.
    """

    ownership: Ownership | None
    tables: Mapping[str, Table]
    converted: tuple[str, ...] = ()
    types: Types = field(default_factory=dict)
    others: Types = field(default_factory=dict)
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)

    def compared(self, name: str, alias: str) -> Composable:
        """The condition that a row of a table is compared."""
        one = self.left_out.get(name)
        return SQL("{} IS NOT TRUE").format(one.condition(alias)) if one else SQL("TRUE")

    @property
    def owned(self) -> Ownership:
        """Raises LookupError where rows have no owners."""
        if self.ownership is None:
            raise LookupError("rows without owners")
        return self.ownership

    @property
    def owners(self) -> Table:
        return self.tables[self.owned.owner]

    @property
    def members(self) -> Table:
        return self.tables[self.owned.member]


@dataclass(frozen=True)
class Difference:
    """How the rows of one owner compare: numbers, and some ids, by kind."""

    counts: dict[str, int]
    samples: dict[str, list[str]]

    @classmethod
    def none(cls) -> "Difference":
        """Of an owner without rows."""
        return cls(dict.fromkeys(KINDS, 0), {kind: [] for kind in KINDS if kind != "same"})


def live_types(cursor: Cursor, live: Mapping[str, Table]) -> dict[str, dict[str, Composable]]:
    """The types of live columns, without their sizes: what a table takes that may hold any version of the rows."""
    found: dict[str, dict[str, Composable]] = {}
    for name, table in live.items():
        cursor.in_own_path(TYPES, (table.oid,))
        found[name] = {column: SQL(type_name) for column, type_name in cursor.fetchall()}
    return found


def stage(
    session: Session,
    ownership: Ownership | None,
    sources: Mapping[str, Source],
    types: Mapping[str, Mapping[str, Composable]],
    prefix: str,
    pool: WorkerPool,
    leaving: Leaving | None = None,
) -> Version:
    """Load a backup into temporary tables, gone at the end of the transaction. Raises what copy_in.load does.

    leaving: takes rows out that need not be compared.

    Rows of the old schema are converted as a restore does it. A column whose values the live one may not hold as they
    are keeps its own type, in which the live values are compared with it; in which these may not fit, both are texts.
    """
    prefer(session.cursor, "temp_buffers", TEMP_BUFFERS)
    staged: dict[str, Table] = {}
    converted: list[str] = []
    compared: dict[str, Mapping[str, Composable]] = {}
    others: dict[str, Mapping[str, Composable]] = {}
    for name, matched in sources.items():
        own, compared[name] = _own_types(session.cursor, matched)
        others[name] = {**own, **compared[name]}
        table = temporary(matched.table, prefix)
        columns = [SQL("{} {}").format(Identifier(one), own.get(one, types[name][one])) for one in matched.columns]
        session.cursor.execute(
            SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP").format(
                Identifier(table.relation), SQL(", ").join(columns)
            )
        )
        kept = {column: one for column, one in matched.own.items() if column not in own}
        source = replace(matched, table=table, own=kept)
        if leaving and leaving.load(source, staged):
            pass
        elif source.direct:
            copy_in.load(session, source, None, pool)
        else:
            converted += conversion.load(session, source, EVERYTHING, None, pool).warnings
        session.cursor.execute(SQL("ANALYZE {}").format(table.identifier))
        staged[name] = table
    return Version(ownership, staged, tuple(converted), compared, others)


def _own_types(cursor: Cursor, source: Source) -> tuple[dict[str, Composable], dict[str, Composable]]:
    """The types of columns that the live ones may not hold as they are, and those that only a text can hold both of."""
    own = {name: casts.of(cursor, source.own[name], source.table).backup for name in source.lossy}
    return own, {name: casts.TEXT for name in own if own_types.loses_back(source.own[name])}


def pair(session: Session, backup: Version, other: Version, columns: Sequence[str]) -> None:
    """Pair all member rows, for `differences` to look at. Raises DuplicateRows where a key can't tell them apart."""
    session.enter("check")
    cursor = session.cursor
    sides = {"backup": _rows(backup), "other": _rows(other)}
    for name, side in sides.items():
        cursor.execute(SQL(TWICE).format(rows=side))
        if cursor.value():
            text = say("compare_backup_repeats_ids") if name == "backup" else say("compare_other_side_repeats_ids")
            raise DuplicateRows(text, can_retry=False)
    compared = [name for name in columns if name != backup.owned.column]
    member = backup.owned.member
    compared_values = {
        "backup_values": in_types("b", compared, backup.types.get(member, {})),
        "other_values": in_types("o", compared, other.types.get(member, {})),
    }
    cursor.execute(SQL(PAIRED).format(**sides, **compared_values))


def differences(cursor: Cursor, other: Version) -> dict[Name, Difference]:
    """What `pair` found, by the owner's name; None for rows that have no owner with a name."""
    found: dict[Name, Difference] = defaultdict(Difference.none)
    cursor.execute(COUNTS)
    for name, kind, rows in cursor.fetchall():
        found[name].counts[kind] = rows
    cursor.execute(SOME, (SAMPLES,))
    for name, kind, key in cursor.fetchall():
        found[name].samples[kind].append(key)
    for one in other.left_out.values():
        for name, rows in one.same.items():
            found[name].counts["same"] += rows
    return dict(found)


def owners(cursor: Cursor, version: Version, columns: Sequence[str]) -> dict[Name, dict[str, list[str]]]:
    """For every owner's name, each column's values to the bit, as digests."""
    types = version.types.get(version.owned.owner, {})
    digests = [SQL("md5(record_send(ROW({})))").format(in_types("c", [name], types)) for name in columns]
    cursor.execute(
        SQL("SELECT {}, {} FROM {} c ORDER BY {}").format(
            Identifier("c", version.owned.name),
            SQL(", ").join(digests),
            version.owners.identifier,
            Identifier("c", version.owned.key),
        )
    )
    found: dict[Name, dict[str, list[str]]] = defaultdict(lambda: {name: [] for name in columns})
    for name, *values in cursor.fetchall():
        for column, value in zip(columns, values, strict=True):
            found[name][column].append(value)
    return dict(found)


def _rows(version: Version) -> Composed:
    return SQL(ROWS).format(
        key=Identifier(version.members.layout.key[0]),
        name=Identifier(version.owned.name),
        owner_key=Identifier(version.owned.key),
        column=Identifier(version.owned.column),
        members=version.members.identifier,
        owners=version.owners.identifier,
        compared=version.compared(version.owned.member, "e"),
    )


def in_types(alias: str, columns: Sequence[str], types: Mapping[str, Composable]) -> Composed:
    """Columns of a row, some of them brought to other types."""
    each = (
        SQL("CAST({} AS {})").format(Identifier(alias, name), types[name]) if name in types else Identifier(alias, name)
        for name in columns
    )
    return SQL(", ").join(each)
