"""The tables that a backup of any tables is about: found by name in the catalog, with those that they refer to.

Nothing is locked here: what is found is locked next, by name, and looked at again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from common.errors import InvalidParams, PermissionDenied, SchemaMismatch
from common.messages import Message, say
from data_pipeline.formats import types
from data_pipeline.layouts import tables as any_tables
from data_pipeline.layouts.base import Layout, Reference, TableLayout
from data_pipeline.postgres.schema import absence, tables, unique_keys, vector_tables
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor

MOST_TABLES = 1000
"""Of one set. Each is a file, and a lock in the server's shared memory."""

# A name may have dots of its own, so it is compared whole; one without a schema is looked for in the usual one.
RELATIONS = """
WITH relations AS (
  SELECT c.oid::bigint, n.nspname::text AS schema, c.relname::text AS relation, c.relkind::text AS kind,
         c.relispartition AS part, has_schema_privilege(n.oid, 'USAGE') AS usable,
         has_table_privilege(c.oid, 'SELECT') AS readable
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
)
"""

NAMED = (
    RELATIONS
    + """
SELECT wanted.name, r.* FROM unnest(%(names)s::text[]) WITH ORDINALITY wanted (name, place)
JOIN relations r ON wanted.name = r.schema || '.' || r.relation
  OR wanted.name = r.relation AND r.schema = %(schema)s
ORDER BY wanted.place, r.oid
"""
)

BY_OID = (
    RELATIONS
    + """
SELECT * FROM relations WHERE oid = ANY(%s::oid[]) ORDER BY oid
"""
)

REFERENCES = """
SELECT c.conrelid::bigint, c.confrelid::bigint,
       ARRAY(SELECT attname::text FROM unnest(c.conkey) WITH ORDINALITY k(attnum, n)
             JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum ORDER BY n),
       ARRAY(SELECT attname::text FROM unnest(c.confkey) WITH ORDINALITY k(attnum, n)
             JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum ORDER BY n)
FROM pg_constraint c WHERE c.contype = 'f' AND c.conrelid = ANY(%s::oid[]) AND c.conparentid = 0 ORDER BY c.conname
"""


class ForeignKey(NamedTuple):
    """Two tables by oid, and the columns of each that have the same values."""

    table: int
    referred: int
    columns: list[str]
    referred_columns: list[str]


@dataclass(frozen=True)
class Relation:
    """What a name leads to; kind: pg_class's relkind."""

    oid: int
    schema: str
    relation: str
    kind: str
    is_partition: bool
    usable: bool
    readable: bool

    @property
    def name(self) -> str:
        return f"{self.schema}.{self.relation}"

    def expect_ordinary(self) -> None:
        """Raise SchemaMismatch for what has no rows of its own, PermissionDenied for what this role may not read."""
        if self.is_partition:
            raise _unfit(self.name, say("is_a_partition"))
        if self.kind in NO_TABLES:
            raise _unfit(self.name, NO_TABLES[self.kind])
        if tables.is_system_schema(self.schema):
            raise _unfit(self.name, say("is_a_system_table"))
        if not self.usable:
            text = say("schema_privilege_lacking", schema=self.schema, privilege="USAGE")
            raise PermissionDenied(text, can_retry=False, details={"table": self.name, "privileges": ["USAGE"]})
        if not self.readable:
            text = say("privileges_lacking", table=self.name, privileges="SELECT")
            raise PermissionDenied(text, can_retry=False, details={"table": self.name, "privileges": ["SELECT"]})


NO_TABLES = {"v": say("is_a_view"), "m": say("is_a_materialized_view"), "f": say("is_a_foreign_table")}
"""Why there are no rows to save, by relkind."""


def layout_of(cursor: Cursor, schema: str, family: str, names: Sequence[str], *, with_references: bool) -> Layout:
    """The layout of tables given by name, `schema.table` or a table of the schema.

    Raises SchemaMismatch or PermissionDenied, naming the table, for one that can't be backed up.
    """
    return _layout(cursor, family, _named(cursor, schema, names), with_references=with_references)


def with_vectors(cursor: Cursor, schema: str, family: str, *, with_references: bool) -> Layout:
    """The layout of every table with a vector column. Raises SchemaMismatch if there is none."""
    found, _ = vector_tables.find(cursor, (), MOST_TABLES + 1)
    if not found:
        raise SchemaMismatch(say("no_vector_tables", database=tables.database(cursor)), can_retry=False)
    names = [one.name for one in found]
    return _layout(cursor, family, _named(cursor, schema, names), with_references=with_references)


def _layout(cursor: Cursor, family: str, chosen: Sequence[Relation], *, with_references: bool) -> Layout:
    found = {one.oid: one for one in chosen}
    for one in chosen:
        one.expect_ordinary()
    references = _references(cursor, found)
    while with_references and (others := {key.referred for key in references} - found.keys()):
        further = _by_oid(cursor, others)
        for one in further:
            one.expect_ordinary()
        found |= {one.oid: one for one in further}
        references = _references(cursor, found)
    _expect_apart(found.values())
    names = {one.oid: one.name for one in found.values()}
    described = [_described(cursor, one, _within(names, one.oid, references)) for one in found.values()]
    return any_tables.layout(family, described)


def _named(cursor: Cursor, schema: str, names: Sequence[str]) -> list[Relation]:
    """What each name leads to. Raises SchemaMismatch for one that leads nowhere, InvalidParams if it leads to two."""
    cursor.execute(NAMED, {"names": list(names), "schema": schema})
    found: dict[str, list[Relation]] = {name: [] for name in names}
    for name, *values in cursor.fetchall():
        found[name].append(Relation(*values))
    if lacking := [name for name, each in found.items() if not each]:
        raise absence.missing(cursor, schema, [_sought(name, schema) for name in lacking])
    for name, each in found.items():
        if len(each) > 1:
            text = say("table_name_ambiguous", table=name, tables=", ".join(repr(one.name) for one in each))
            raise InvalidParams(text, details={"field": "tables"})
    return list({each[0].oid: each[0] for each in found.values()}.values())


def _sought(name: str, schema: str) -> TableLayout:
    place, dot, _ = name.partition(".")
    return TableLayout(name, (), schema=place) if dot else TableLayout(name, (), schema=None)


def _by_oid(cursor: Cursor, oids: Iterable[int]) -> list[Relation]:
    cursor.execute(BY_OID, (list(oids),))
    return [Relation(*row) for row in cursor.fetchall()]


def _references(cursor: Cursor, oids: Iterable[int]) -> list[ForeignKey]:
    cursor.execute(REFERENCES, (list(oids),))
    return [ForeignKey(*row) for row in cursor.fetchall()]


def _within(names: dict[int, str], oid: int, keys: Iterable[ForeignKey]) -> tuple[Reference, ...]:
    """What a table refers to among those that are named."""
    return tuple(
        Reference(tuple(key.columns), names[key.referred], tuple(key.referred_columns))
        for key in keys
        if key.table == oid and key.referred in names
    )


def _described(cursor: Cursor, one: Relation, references: tuple[Reference, ...]) -> TableLayout:
    layout = TableLayout(one.name, (), references=references, schema=one.schema)
    table = tables.expect_there(cursor, one.schema, layout)
    vectors = tuple(column.name for column in table.columns if types.is_vector(column.type))
    return TableLayout(one.name, _key(cursor, table), references=references, vectors=vectors, schema=one.schema)


def _key(cursor: Cursor, table: Table) -> tuple[str, ...]:
    """The primary key, else a unique key of columns that are never NULL, else none."""
    required = {column.name for column in table.columns if column.not_null}
    found = [key for key in unique_keys.of(cursor, table.oid) if key.primary or set(key.columns) <= required]
    first = min(found, key=lambda key: (not key.primary, len(key.columns), key.columns), default=None)
    return first.columns if first else ()


def _expect_apart(found: Iterable[Relation]) -> None:
    """Raise InvalidParams for too many tables, or for two that answers would call the same."""
    names = [one.name for one in found]
    if len(names) > MOST_TABLES:
        raise InvalidParams(say("tables_too_many", count=len(names), most=MOST_TABLES), details={"field": "tables"})
    if twice := {name for name in names if names.count(name) > 1}:
        text = say("table_name_ambiguous", table=min(twice), tables=", ".join(sorted(twice)))
        raise InvalidParams(text, details={"field": "tables"})


def _unfit(table: str, reason: Message) -> SchemaMismatch:
    text = say("table_unfit", table=table, reason=reason)
    return SchemaMismatch(text, can_retry=False, details={"table": table, "reason": reason})
