"""Indexes and foreign keys of a layout's tables: dropped before a whole table is loaded, rebuilt the same after it.

Filling an index row by row costs several times what building it over the loaded rows does. An index stays where
dropping it is not ours to do: behind a constraint, under a foreign key, marked replica identity, invalid, or
part of a partitioned one. Definitions come from the live database only, never from a backup; they are printed under
the search path under which they are executed.
"""

import re
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from psycopg2.sql import SQL, Identifier, Literal

from common.errors import InternalError
from common.messages import say
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.schema import index_build
from data_pipeline.postgres.schema.tables import Live, Table
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.sets.table_facts import ForeignKeyFact

INDEXES = """
SELECT c.oid, c.relname, a.amname, coalesce(t.spcname, ''),
       obj_description(c.oid, 'pg_class'), i.indisclustered,
       ARRAY(SELECT ARRAY[attnum::int, attstattarget::int] FROM pg_attribute
             WHERE attrelid = c.oid AND attstattarget >= 0 ORDER BY attnum)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace
WHERE i.indrelid = %s AND i.indisvalid AND i.indisready AND NOT i.indisprimary AND NOT i.indisreplident
  AND c.relkind = 'i' AND NOT c.relispartition
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = c.oid)
ORDER BY c.relname
"""

FOREIGN_KEYS = """
SELECT oid, conname, obj_description(oid, 'pg_constraint')
FROM pg_constraint WHERE contype = 'f' AND conrelid = %s AND confrelid = ANY(%s::oid[]) AND coninhcount = 0
  AND conparentid = 0
"""

INDEX_FACTS = """
SELECT c.relname::text, am.amname::text, i.indisunique, i.indisprimary,
       ARRAY(SELECT coalesce(a.attname::text, 'expression') FROM unnest(i.indkey) WITH ORDINALITY k(attnum, n)
             LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0 ORDER BY n),
       ARRAY(SELECT o.opcname::text FROM unnest(i.indclass) WITH ORDINALITY k(oid, n)
             JOIN pg_opclass o ON o.oid = k.oid ORDER BY n),
       coalesce(c.reloptions, '{}'), i.indpred IS NOT NULL,
       EXISTS (SELECT FROM pg_constraint WHERE conindid = c.oid AND conrelid = i.indrelid AND contype IN ('p', 'u')),
       ARRAY(SELECT pg_get_indexdef(c.oid, n::int, false) FROM generate_series(1, i.indnatts) n ORDER BY n),
       ARRAY(SELECT bits FROM unnest(i.indoption) WITH ORDINALITY k(bits, n) ORDER BY n)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am am ON am.oid = c.relam
WHERE i.indrelid = %s AND i.indisvalid ORDER BY c.relname
"""

ACTION = """jsonb '{"a": "no action", "r": "restrict", "c": "cascade", "n": "set null", "d": "set default"}' ->> """
FOREIGN_KEY_FACTS = f"""
SELECT conname::text,
       ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY k(attnum, n)
             JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.attnum ORDER BY n),
       (SELECT n.nspname || '.' || r.relname FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace
        WHERE r.oid = confrelid),
       ARRAY(SELECT attname::text FROM unnest(confkey) WITH ORDINALITY k(attnum, n)
             JOIN pg_attribute a ON a.attrelid = confrelid AND a.attnum = k.attnum ORDER BY n),
       {ACTION} confdeltype::text, {ACTION} confupdtype::text, condeferrable, condeferred
FROM pg_constraint WHERE contype = 'f' AND conrelid = %s ORDER BY conname
"""  # noqa: S608 - constants only
FOREIGN_KEY_NAMES = tuple(ForeignKeyFact.model_fields)

MAY_REBUILD = """
SELECT bool_and(pg_has_role(c.relowner, 'USAGE') AND NOT c.relispartition),
       bool_and(has_schema_privilege(c.relnamespace, 'CREATE'))
FROM pg_class c WHERE c.oid = ANY(%s)
"""

DEFERRABLE = """
SELECT n.nspname, c.conname FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace
WHERE c.condeferrable AND c.conrelid = ANY(%s::oid[])
"""

# An index over a cast fixes the dimensions of a column that leaves them open.
CAST_DIMENSIONS = """
SELECT pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid = %s AND indpred IS NULL AND indexprs IS NOT NULL AND indisvalid
"""
QUOTED_NAME = r'"(?:[^"]|"")+"'
QUALIFIED = rf"(?:(?:\w+|{QUOTED_NAME})\.)?"
KEY_CAST = re.compile(rf"\(*(\w+|{QUOTED_NAME})\)*::{QUALIFIED}(vector|halfvec)\((\d+)\)\)*")
JSON_KEY = re.compile(r"\(*(\w+) (->>?) '((?:[^'\\]|'')*)'::text\)*(?:::([a-z ]+)\)*)?")


@dataclass(frozen=True)
class Index:
    """A secondary index and all that its definition leaves out."""

    table: Table
    definition: str
    oid: int
    name: str
    method: str
    tablespace: str
    comment: str | None
    clustered: bool
    statistics: list[list[int]]


@dataclass(frozen=True)
class ForeignKey:
    """A table's key to others of the layout."""

    table: Table
    name: str
    comment: str | None
    definition: str


@dataclass(frozen=True)
class Dropped:
    """What is dropped and to be rebuilt, and warnings about what can't be."""

    indexes: list[Index] = field(default_factory=list)
    foreign_keys: list[ForeignKey] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def facts(cursor: Cursor, table: Table) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Every index that is valid, and every foreign key of a table, as a manifest records them."""
    cursor.execute(INDEX_FACTS, (table.oid,))
    found = [
        {
            "name": name,
            "method": method,
            "unique": unique,
            "primary": primary,
            "keys": keys,
            "operator_classes": classes,
            "options": dict(option.split("=", 1) for option in options),
            "partial": is_partial,
            "constraint": constraint,
            "casts": _casts(texts) if "expression" in keys else [],
            **({"orders": orders} if any(orders) else {}),
            **_json_keys(texts),
        }
        for name, method, unique, primary, keys, classes, options, is_partial, constraint, texts, orders in cursor
    ]
    cursor.execute(FOREIGN_KEY_FACTS, (table.oid,))
    keys = (ForeignKeyFact(**dict(zip(FOREIGN_KEY_NAMES, row, strict=True))) for row in cursor.fetchall())
    return found, [key.model_dump(exclude_defaults=True) for key in keys]


def _casts(expressions: Sequence[str]) -> list[dict[str, Any] | None]:
    """Which of an index's expressions, as the server writes them, are casts of a vector column."""
    found = [KEY_CAST.fullmatch(text) for text in expressions]
    return [cast and {"column": _unquoted(cast[1]), "type": cast[2], "dimensions": int(cast[3])} for cast in found]


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _json_keys(expressions: Sequence[str]) -> dict[str, Any]:
    """Which of them are what stands under a key of a json column; nothing if none is."""
    found = [
        (one := JSON_KEY.fullmatch(text))
        and {"column": one[1], "key": one[3].replace("''", "'"), "as_text": one[2] == "->>", "type": one[4]}
        for text in expressions
    ]
    return {"json_keys": found} if any(found) else {}


def refuses_orphans(cursor: Cursor, live: Live) -> bool:
    """Whether the database itself refuses a row without its owner."""
    return live.layout.ownership is not None and bool(_foreign_keys(cursor, live.members, [live.owner]))


def dimensions(cursor: Cursor, table: Table) -> int | None:
    """The dimensions every vector of the table must have: its column's, or those an index casts to; None if any."""
    column = next(filter(None, map(table.column, table.layout.vectors)), None)
    if column is None or column.type != "vector":
        return None
    if column.modifier > 0:
        return column.modifier
    cursor.execute(CAST_DIMENSIONS, (table.oid,))
    written = re.escape(Identifier(column.name).as_string(cursor))
    cast = re.compile(rf"\((?:{re.escape(column.name)}|{written})\)::{QUALIFIED}vector\((\d+)\)")
    found = {int(match) for (definition,) in cursor.fetchall() for match in cast.findall(definition)}
    return found.pop() if len(found) == 1 else None


def droppable(cursor: Cursor, live: Live, selected: Collection[str]) -> Dropped:
    """The secondary indexes of the selected tables, and their foreign keys to other tables of the layout.

    None, and a warning, where this role may not drop them.
    """
    found = [index for name in selected for index in _indexes(cursor, live[name])]
    keys = [
        key
        for name in selected
        for key in _foreign_keys(cursor, live[name], [other for other in live.values() if other.name != name])
    ]
    if kept := _why_kept(cursor, live):
        return Dropped(warnings=[kept] if found or keys else [])
    return Dropped(found, keys)


def drop(session: Session, found: Dropped) -> None:
    """Drop what is droppable, to be rebuilt."""
    session.enter("truncate")
    for key in found.foreign_keys:
        statement = SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(key.table.identifier, Identifier(key.name))
        session.cursor.execute(statement)
    for index in found.indexes:
        session.cursor.execute(SQL("DROP INDEX {}").format(Identifier(index.table.schema, index.name)))
    session.progress.expect_indexes([index.method for index in found.indexes])


def _why_kept(cursor: Cursor, live: Live) -> str | None:
    """What keeps this role from dropping indexes and making them again; None if nothing does."""
    cursor.execute(MAY_REBUILD, ([table.oid for table in live.values()],))
    owns, creates = cursor.one()
    if owns and creates:
        return None
    return say("indexes_kept_without_create", schema=live.schema) if owns else say("indexes_kept")


def rebuild(session: Session, dropped: Dropped, memory: str | None) -> dict[str, dict[str, Any]]:
    """Build what was dropped, each index with all the server's workers; results by name, durations in seconds.

    memory: maintenance_work_mem for the builds, None for the server's own setting.
    """
    session.enter("index")
    changed = {index.table.oid for index in dropped.indexes} | {key.table.oid for key in dropped.foreign_keys}
    _fire_deferred(session.cursor, changed)
    results = {}
    for index in dropped.indexes:
        started = time.monotonic()
        session.enter("index", index.table.name)
        create = partial(_create, session.cursor, index)
        parallel = index_build.build(session, index.table, index.method, create, memory, index.tablespace)
        session.progress.indexed()
        results[index.name] = result(index.table, index.method, started, parallel=parallel)
    for key in dropped.foreign_keys:
        started = time.monotonic()
        _add(session.cursor, key)
        results[key.name] = result(key.table, "foreign key", started)
    return results


def result(table: Table, method: str, started: float, **more: bool) -> dict[str, Any]:
    """What an answer says of an index or key that was made."""
    duration = round(time.monotonic() - started, 3)
    return {"success": True, "table": table.name, "method": method, **more, "duration": duration}


def _indexes(cursor: Cursor, table: Table) -> list[Index]:
    cursor.execute(INDEXES, (table.oid,))
    rows = cursor.fetchall()
    return [Index(table, definition(cursor, row[0]), *row) for row in rows]


def definition(cursor: Cursor, oid: int) -> str:
    """The CREATE INDEX of an index, to be executed as it is."""
    cursor.in_own_path("SELECT pg_catalog.pg_get_indexdef(%s::pg_catalog.oid)", (oid,))
    return str(cursor.value())


def _foreign_keys(cursor: Cursor, table: Table, referenced: Sequence[Table]) -> list[ForeignKey]:
    cursor.execute(FOREIGN_KEYS, (table.oid, [one.oid for one in referenced]))
    rows = cursor.fetchall()
    return [ForeignKey(table, name, comment, _constraint(cursor, oid)) for oid, name, comment in rows]


def _constraint(cursor: Cursor, oid: int) -> str:
    """The definition of a constraint, to be executed as it is."""
    cursor.in_own_path("SELECT pg_catalog.pg_get_constraintdef(%s::pg_catalog.oid)", (oid,))
    return str(cursor.value())


def _fire_deferred(cursor: Cursor, tables: set[int]) -> None:
    """Let triggers that wait for the COMMIT run now: with events pending, a table can't be altered (55006)."""
    cursor.execute(DEFERRABLE, (list(tables),))
    waiting = [Identifier(schema, name) for schema, name in cursor.fetchall()]
    if waiting:
        cursor.execute(SQL("SET CONSTRAINTS {} IMMEDIATE").format(SQL(", ").join(waiting)))


def _create(cursor: Cursor, index: Index) -> None:
    name = Identifier(index.table.schema, index.name)
    cursor.execute(index.definition)
    for column, target in index.statistics:
        statement = SQL("ALTER INDEX {} ALTER COLUMN {} SET STATISTICS {}")
        cursor.execute(statement.format(name, Literal(column), Literal(target)))
    if index.comment is not None:
        cursor.execute(SQL("COMMENT ON INDEX {} IS {}").format(name, Literal(index.comment)))
    if index.clustered:
        cursor.execute(SQL("ALTER TABLE {} CLUSTER ON {}").format(index.table.identifier, Identifier(index.name)))
    cursor.execute("SELECT to_regclass(%s)::oid", (name.as_string(cursor),))
    if definition(cursor, cursor.value()) != index.definition:
        raise InternalError(say("index_rebuilt_differently", index=index.name))


def _add(cursor: Cursor, key: ForeignKey) -> None:
    table, name = key.table.identifier, Identifier(key.name)
    cursor.execute(SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(table, name, SQL(key.definition)))
    if key.comment is not None:
        cursor.execute(SQL("COMMENT ON CONSTRAINT {} ON {} IS {}").format(name, table, Literal(key.comment)))
