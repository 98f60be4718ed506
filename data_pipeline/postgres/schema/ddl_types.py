"""The kinds of columns, indexes and keys that may be made from what a file says of them.

A word of a manifest is used only if it stands in one of these lists. Names are quoted as identifiers, numbers are
numbers; nothing else of a file becomes part of a statement.
"""

import re
from typing import Any

from psycopg2.sql import SQL, Composable, Composed, Identifier, Literal

from common.errors import SchemaMismatch
from common.messages import say
from data_pipeline.formats import types
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.sets.manifest import Distance
from data_pipeline.sets.tables.table_facts import ForeignKeyFact, IndexFact, JsonKeyFact

EXTENSION_TYPES = frozenset(array for name in types.VECTORS for array in (name, f"_{name}"))
"""pgvector's types and the arrays of them."""

ONLY_MADE = frozenset({"tsvector"})
"""PostgreSQL's types whose texts only the server reads. PGVectorStore has a column of one for its hybrid search."""

# A type's plain name is only used where it is PostgreSQL's own or belongs to pgvector, so that a user's type or domain
# called "uuid" or "vector" is not taken for it, wherever it is.
NAME = """
CASE WHEN n.nspname = 'pg_catalog' OR t.typname = ANY(%(extensions)s) AND EXISTS (
          SELECT FROM pg_extension e
          JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
          WHERE e.extname = 'vector' AND e.extnamespace = t.typnamespace AND d.deptype = 'e'
          AND d.classid = 'pg_type'::regclass AND d.objid IN (t.oid, t.typelem)) THEN t.typname
     ELSE format_type(t.oid, NULL) END
"""
"""A column's type as manifests name it; `t` is pg_type, `n` the type's schema, `extensions` EXTENSION_TYPES."""

OPERATORS: dict[Distance, str] = {"cosine": "<=>", "l2": "<->", "inner_product": "<#>", "l1": "<+>"}
"""pgvector's operators by what they measure."""

DISTANCES: dict[str, Distance] = {"cosine": "cosine", "l2": "l2", "ip": "inner_product", "l1": "l1"}
DISTANCE_CLASSES = {
    f"{type_name}_{short}_ops": distance for type_name in ("vector", "halfvec") for short, distance in DISTANCES.items()
}
"""The distance of each operator class that an index over vectors may have."""

PLAIN_CLASSES = frozenset(name for one in types.SCALARS.values() for name in one.operator_classes) | {"array_ops"}
CLASSES: dict[str, frozenset[str]] = {
    "btree": PLAIN_CLASSES,
    "hash": PLAIN_CLASSES,
    "gin": frozenset({"jsonb_ops", "jsonb_path_ops", "array_ops", "tsvector_ops"}),
    "hnsw": frozenset(DISTANCE_CLASSES),
    "ivfflat": frozenset(DISTANCE_CLASSES),
}
"""Operator classes by access method."""

OPTIONS: dict[str, frozenset[str]] = {
    "btree": frozenset({"fillfactor", "deduplicate_items"}),
    "hash": frozenset({"fillfactor"}),
    "gin": frozenset({"fastupdate", "gin_pending_list_limit"}),
    "hnsw": frozenset({"m", "ef_construction"}),
    "ivfflat": frozenset({"lists"}),
}
JSON_TYPES = frozenset(
    {"integer", "bigint", "numeric", "real", "double precision", "boolean", "character varying", "uuid", "jsonb"}
)
"""What a value of a json column may be brought to in an index, as format_type names it."""

OPTION_VALUE = re.compile(r"[0-9]{1,10}|on|off|true|false")
ORDERS = ("", " DESC NULLS LAST", " NULLS FIRST", " DESC")
"""By pg_index' indoption."""
ACTIONS = {"no action", "restrict", "cascade", "set null", "set default"}

EXTENSION_SCHEMA = """
SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'
"""

# 100 is the database's own collation; a type may have another. Columns of these two are not there before PostgreSQL 15.
UNMADE = """
SELECT DISTINCT name::text FROM (
  SELECT conname FROM pg_constraint k WHERE conrelid = %(table)s AND (
    contype = 'c' OR contype IN ('p', 'u') AND condeferrable
    OR contype = 'f' AND (confmatchtype <> 's' OR to_jsonb(k)->>'confdelsetcols' IS NOT NULL))
  UNION ALL
  SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = %(table)s AND (
    to_jsonb(i)->>'indnullsnotdistinct' = 'true'
    OR EXISTS (SELECT FROM unnest(i.indcollation, i.indkey) u (oid, attnum)
               LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum
               LEFT JOIN pg_type t ON t.oid = a.atttypid WHERE u.oid NOT IN (0, 100, coalesce(t.typcollation, 100))))
  UNION ALL
  SELECT attname FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
  WHERE attrelid = %(table)s AND attnum > 0 AND NOT attisdropped AND attcollation <> t.typcollation
  UNION ALL
  SELECT tgname FROM pg_trigger WHERE tgrelid = %(table)s AND NOT tgisinternal
  UNION ALL
  SELECT polname FROM pg_policy WHERE polrelid = %(table)s
) found (name) ORDER BY 1
"""


class UnsupportedType(SchemaMismatch):
    """A type that isn't in these lists."""


def extension_schema(cursor: Cursor) -> str | None:
    """Where pgvector's types live; None if this database does not have it."""
    cursor.execute(EXTENSION_SCHEMA)
    found = cursor.fetchone()
    return str(found[0]) if found else None


def from_extension(type_name: str) -> bool:
    """Whether a type is one of pgvector's, or an array of one; it may stand with its schema."""
    return type_name.rpartition(".")[2] in EXTENSION_TYPES


def same_type(one: str, other: str) -> bool:
    """Whether two columns' types, as manifests name them, may be the same.

    Manifests of earlier versions name a type without its schema where the role's search path led to it.
    """
    one, other = _array_named(one), _array_named(other)
    plain, others = one.rpartition(".")[2], other.rpartition(".")[2]
    half_named = ("." in one) != ("." in other) and plain not in types.BUILT_IN | {"vector"}
    return one == other or (half_named and plain == others)


def plain(name: str) -> str:
    """A type's name in pg_type, where it is PostgreSQL's own or pgvector's; any other as it is."""
    name = _array_named(name)
    return name.rpartition(".")[2] if from_extension(name) else name


def _array_named(name: str) -> str:
    """Manifests of earlier versions name an array of pgvector's as format_type does: `public.vector[]`."""
    schema, dot, plain = name.rpartition(".")
    return f"{schema}{dot}_{plain.removesuffix('[]')}" if plain.endswith("[]") else name


def makes(name: str) -> bool:
    """Whether a column of a type, as manifests name it, may be made."""
    return name in ONLY_MADE or types.find(name) is not None


def column_type(name: str, modifier: int, schema: str | None) -> Composable:
    """A column's type, for a statement: modifier is its atttypmod, -1 for none; schema is pgvector's.

    Raises UnsupportedType for a type that is unknown here, SchemaMismatch for one of pgvector's where that is missing.
    """
    if name in ONLY_MADE:
        return Identifier("pg_catalog", name)
    plain = _array_named(name).rpartition(".")[2]
    found = types.find(plain)
    if found is None or (name not in types.BUILT_IN and plain not in EXTENSION_TYPES):
        raise UnsupportedType(say("column_type_unsupported"), can_retry=False)
    if plain in EXTENSION_TYPES and schema is None:
        raise SchemaMismatch(say("pgvector_missing"), can_retry=False)
    owner = schema if plain in EXTENSION_TYPES and schema else "pg_catalog"
    return SQL("{}{}").format(Identifier(owner, plain), _modifiers(found.modifiers(modifier)))


def index_method(fact: IndexFact, schema: str | None) -> Composed | None:
    """`USING method (keys) INCLUDE (…) WITH (options)` of an index all of known kinds; None for any other."""
    classes, options = CLASSES.get(fact.method, frozenset()), OPTIONS.get(fact.method, frozenset())
    count = len(fact.operator_classes)
    keys = [_key(fact, number, schema) for number in range(min(count, len(fact.keys)))]
    searched = [key for key in keys if key]
    known = set(fact.operator_classes) <= classes and all(
        name in options and OPTION_VALUE.fullmatch(value) for name, value in fact.options.items()
    )
    if fact.partial or not known or not 0 < len(searched) == count:
        return None
    return SQL("USING {} ({}){}{}").format(
        SQL(fact.method),
        SQL(", ").join(map(_with_class, searched, fact.operator_classes, [schema] * count, _orders(fact))),
        _listed(" INCLUDE ({})", [Identifier(name) for name in fact.keys[count:]]),
        _listed(" WITH ({})", [SQL("{} = {}").format(SQL(n), Literal(value)) for n, value in fact.options.items()]),
    )


def foreign_key(fact: ForeignKeyFact, referenced_table: Identifier) -> Composed | None:
    """`FOREIGN KEY …` to a table of the backup; None for one of unknown kind."""
    columns = list(map(Identifier, fact.columns))
    referenced = list(map(Identifier, fact.referenced_columns))
    if not {fact.on_delete, fact.on_update} <= ACTIONS or not 0 < len(columns) == len(referenced):
        return None
    return SQL("FOREIGN KEY ({}) REFERENCES {} ({}) ON DELETE {} ON UPDATE {}{}").format(
        SQL(", ").join(columns),
        referenced_table,
        SQL(", ").join(referenced),
        SQL(fact.on_delete.upper()),
        SQL(fact.on_update.upper()),
        SQL(" DEFERRABLE INITIALLY DEFERRED" if fact.deferred else " DEFERRABLE" if fact.deferrable else ""),
    )


def unique_key(fact: IndexFact) -> Composed:
    """`PRIMARY KEY …` or `UNIQUE …`."""
    included = _listed(" INCLUDE ({})", [Identifier(name) for name in fact.keys[len(fact.searched) :]])
    names = SQL(", ").join(map(Identifier, fact.searched))
    return SQL("PRIMARY KEY ({}){}" if fact.primary else "UNIQUE ({}){}").format(names, included)


def unmade(cursor: Cursor, table: int) -> list[str]:
    """The names of what a table, given by its oid, has and create_tables doesn't make, or not as it is."""
    cursor.execute(UNMADE, {"table": table})
    return [name for (name,) in cursor.fetchall()]


def _key(fact: IndexFact, number: int, schema: str | None) -> Composed | None:
    cast = fact.casts[number] if number < len(fact.casts) else None
    if cast:
        if not types.is_vector(cast.type) or not cast.dimensions:
            return None
        return SQL("(({})::{})").format(Identifier(cast.column), column_type(cast.type, cast.dimensions, schema))
    json_key = fact.json_keys[number] if number < len(fact.json_keys) else None
    if json_key:
        return _json_key(json_key)
    return None if fact.keys[number] == "expression" else SQL("{}").format(Identifier(fact.keys[number]))


def _json_key(fact: JsonKeyFact) -> Composed | None:
    if fact.type and fact.type not in JSON_TYPES:
        return None
    operator = SQL("->>" if fact.as_text else "->")
    value = SQL("({} {} {}::text)").format(Identifier(fact.column), operator, Literal(fact.key))
    return SQL("({}::{})").format(value, SQL(fact.type)) if fact.type else value


def _with_class(key: Composed, name: str, schema: str | None, order: str) -> Composed:
    owner = schema if name in DISTANCE_CLASSES and schema else "pg_catalog"
    return SQL("{} {}{}").format(key, Identifier(owner, name), SQL(order))


def _orders(fact: IndexFact) -> list[str]:
    orders = [ORDERS[bits] for bits in fact.orders] if fact.method == "btree" else []
    return [*orders, *[""] * len(fact.keys)]


def _listed(template: str, parts: list[Any]) -> Composed:
    return SQL(template).format(SQL(", ").join(parts)) if parts else Composed([])


def _modifiers(numbers: tuple[int, ...]) -> Composed:
    return _listed("({})", [SQL(str(number)) for number in numbers])
