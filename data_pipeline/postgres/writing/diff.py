"""Two versions of the tables side by side: per collection which rows only one of them has, and which differ.

A backup is staged in temporary tables; the other version is a second backup, staged too, or the live tables as one
snapshot has them, under no lock but ACCESS SHARE. Rows are paired by the name of their collection and their id, and
compared to the bit (see sync.py). A row's collection_id is not: its collection's name stands for it, and the uuid is
compared once, as the collection's own. All of it happens on the server, so memory here stays flat.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg2.sql import SQL, Composable, Composed, Identifier

from common.errors import DuplicateRows
from common.messages import say
from data_pipeline.formats.worker_pool import WorkerPool
from data_pipeline.postgres.connection import Session, prefer
from data_pipeline.postgres.row_filter import EVERYTHING
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.writing import copy_in, legacy_schema
from data_pipeline.postgres.writing.staging import TEMP_BUFFERS, TEMPORARY
from data_pipeline.sets.table_source import Source
from data_pipeline.storage.naming import COLLECTION, EMBEDDING

KINDS = ("only_in_backup", "only_in_other", "different", "same")
SAMPLES = 20

# With -1 for the modifier bpchar and bit keep their length open, as a vector does. Printed as CREATE TABLE reads it.
TYPES = """
SELECT attname, pg_catalog.format_type(atttypid, -1) FROM pg_catalog.pg_attribute
WHERE attrelid OPERATOR(pg_catalog.=) %s AND attnum OPERATOR(pg_catalog.>) 0 AND NOT attisdropped
"""

# One name may be NULL or, in LangChain's old tables, stand twice; rows without a collection have none.
ROWS = """
SELECT e.*, e.{key}::pg_catalog.text COLLATE pg_catalog."C" AS paired_key,
       coalesce(c.name::pg_catalog.text, '') COLLATE pg_catalog."C" AS paired_name, c.name IS NULL AS paired_nameless,
       true AS paired
FROM {embedding} e LEFT JOIN {collection} c ON c.uuid OPERATOR(pg_catalog.=) e.collection_id
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


@dataclass(frozen=True)
class Version:
    """One of the two: live tables, or staged ones. converted: what was done to how many of its rows."""

    collection: Table
    embedding: Table
    converted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """How the rows of one collection compare: numbers, and some ids, by kind."""

    counts: dict[str, int]
    samples: dict[str, list[str]]

    @classmethod
    def none(cls) -> "Difference":
        """Of a collection without rows."""
        return cls(dict.fromkeys(KINDS, 0), {kind: [] for kind in KINDS if kind != "same"})


def live_types(cursor: Any, live: Mapping[str, Table]) -> dict[str, dict[str, Composable]]:
    """The types of live columns, without their sizes: what a table takes that may hold any version of the rows."""
    found: dict[str, dict[str, Composable]] = {}
    for name, table in live.items():
        cursor.in_own_path(TYPES, (table.oid,))
        found[name] = {column: SQL(type_name) for column, type_name in cursor.fetchall()}
    return found


def stage(
    session: Session,
    sources: Mapping[str, Source],
    types: Mapping[str, Mapping[str, Composable]],
    prefix: str,
    pool: WorkerPool,
) -> Version:
    """Load a backup into temporary tables, gone at the end of the transaction. Raises what loader.load does.

    Rows of the old schema are converted as a restore does it.
    """
    prefer(session.cursor, "temp_buffers", TEMP_BUFFERS)
    staged, converted = {}, []
    for name in (COLLECTION, EMBEDDING):
        matched = sources[name]
        table = replace(matched.table, schema=TEMPORARY, name=f"{prefix}_{name}", oid=0)
        columns = [SQL("{} {}").format(Identifier(one), types[name][one]) for one in matched.columns]
        session.cursor.execute(
            SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP").format(Identifier(table.name), SQL(", ").join(columns))
        )
        source = replace(matched, table=table)
        if matched.coerced:
            converted += legacy_schema.load(session, source, EVERYTHING, None, pool)[1]
        else:
            copy_in.load(session, source, None, pool)
        session.cursor.execute(SQL("ANALYZE {}").format(table.identifier))
        staged[name] = table
    return Version(staged[COLLECTION], staged[EMBEDDING], tuple(converted))


def pair(session: Session, backup: Version, other: Version, columns: Sequence[str]) -> None:
    """Pair all embeddings, for `differences` to look at. Raises DuplicateRows where an id can't tell rows apart."""
    session.enter("check")
    cursor = session.cursor
    sides = {"backup": _rows(backup, columns), "other": _rows(other, columns)}
    for name, side in sides.items():
        cursor.execute(SQL(TWICE).format(rows=side))
        if cursor.fetchone()[0]:
            text = say("compare_backup_repeats_ids") if name == "backup" else say("compare_other_side_repeats_ids")
            raise DuplicateRows(text, can_retry=False)
    compared = [name for name in columns if name != "collection_id"]
    cursor.execute(
        SQL(PAIRED).format(**sides, backup_values=_values("b", compared), other_values=_values("o", compared))
    )


def differences(cursor: Any) -> dict[Name, Difference]:
    """What `pair` found, by the collection's name; None for rows that are in no collection with a name."""
    found: dict[Name, Difference] = defaultdict(Difference.none)
    cursor.execute(COUNTS)
    for name, kind, rows in cursor.fetchall():
        found[name].counts[kind] = rows
    cursor.execute(SOME, (SAMPLES,))
    for name, kind, key in cursor.fetchall():
        found[name].samples[kind].append(key)
    return dict(found)


def collections(cursor: Any, version: Version, columns: Sequence[str]) -> dict[Name, dict[str, list[str]]]:
    """For every collection's name, each column's values to the bit, as digests."""
    digests = [SQL("md5(record_send(ROW(c.{})))").format(Identifier(name)) for name in columns]
    cursor.execute(
        SQL("SELECT c.name, {} FROM {} c ORDER BY c.uuid").format(
            SQL(", ").join(digests), version.collection.identifier
        )
    )
    found: dict[Name, dict[str, list[str]]] = defaultdict(lambda: {name: [] for name in columns})
    for name, *values in cursor.fetchall():
        for column, value in zip(columns, values, strict=True):
            found[name][column].append(value)
    return dict(found)


def _rows(version: Version, columns: Sequence[str]) -> Composed:
    key = "id" if "id" in columns else "uuid"
    return SQL(ROWS).format(
        key=Identifier(key), embedding=version.embedding.identifier, collection=version.collection.identifier
    )


def _values(alias: str, columns: Sequence[str]) -> Composed:
    return SQL(", ").join(SQL("{}.{}").format(SQL(alias), Identifier(name)) for name in columns)
