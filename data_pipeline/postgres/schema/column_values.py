"""What columns get by themselves: defaults, identity, generated columns. As facts of known kinds, and made from them.

A default is read as the server prints it. What isn't one of these kinds is a fact too, of the kind "other": it can be
told, not made. A word of a manifest is only ever quoted, as a literal or an identifier.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from psycopg2.sql import SQL, Composable, Composed, Identifier, Literal

from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.sets.tables.table_facts import MOST_COLUMNS, ColumnFact, ValueFact
from data_pipeline.sets.tables.table_spec import Design

# Printed with PostgreSQL's own schema alone in the path: a name without a schema is its own.
VALUES = """
SELECT a.attname::text, a.attidentity::text, a.attgenerated::text, coalesce(pg_get_expr(d.adbin, d.adrelid), ''),
       EXISTS (SELECT FROM pg_depend o JOIN pg_depend u ON u.refobjid = o.objid AND u.refclassid = o.classid
               WHERE o.classid = 'pg_class'::regclass AND o.refclassid = 'pg_class'::regclass AND o.deptype = 'a'
                 AND o.refobjid = a.attrelid AND o.refobjsubid = a.attnum
                 AND u.classid = 'pg_attrdef'::regclass AND u.objid = d.oid),
       (SELECT count(*) FROM pg_attribute b
        WHERE b.attrelid = a.attrelid AND b.attnum BETWEEN 1 AND a.attnum AND NOT b.attisdropped)
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped AND (a.attidentity <> '' OR d.oid IS NOT NULL)
ORDER BY a.attnum
"""
CONFIGURED = "SELECT EXISTS (SELECT FROM pg_ts_config WHERE cfgname = %s AND cfgnamespace = 'pg_catalog'::regnamespace)"

TYPE = (
    r"""(?:(?:\w+|"(?:[^"]|"")+")\.)?(?:[a-z][\w ]*|"bit")(?:\(\d+(?:,\d+)?\))?(?: with(?:out)? time zone)?(?:\[\])?"""
)
QUOTED = re.compile(rf"(?:(?P<escaped>E)|B)?'(?P<text>(?:[^']|'')*)'::{TYPE}")
PLAIN = re.compile(r"-?\d+(?:\.\d+)?|true|false")
FUNCTIONS = {"now()": "now", "CURRENT_TIMESTAMP": "now", "gen_random_uuid()": "uuid"}
CALLS = {"now": "pg_catalog.now()", "uuid": "pg_catalog.gen_random_uuid()"}
SERIAL = {"int2": "smallserial", "int4": "serial", "int8": "bigserial"}
"""Types that make a column its own sequence. Both these and identity columns are NOT NULL."""
TEXTS = {"text", "varchar"}
"""What to_tsvector is known for here. Of a json value it reads the texts alone."""

CASTS = re.compile(r"[()]|::(?:text|regconfig|character varying)(?:\(\d+\))?")
"""What may stand around a column in a call of to_tsvector, and makes no difference to it."""
COLUMN = r'(?:[a-z_]\w*|"(?:[^"()]|"")+")'
TSVECTOR = re.compile(rf"to_tsvector'(?P<config>\w+)', (?P<terms>{COLUMN}(?: \|\| ' ' \|\| {COLUMN})*)")
COALESCED = re.compile(rf"COALESCE({COLUMN}), ''")


def facts(cursor: Cursor, table: Table) -> dict[str, dict[str, Any]]:
    """By column, what it gets by itself, as a manifest records it."""
    cursor.execute(VALUES, (table.oid,))
    return {
        name: _fact(identity, generated, text, owns)
        .model_copy(update={"position": place if generated else None})
        .model_dump(exclude_defaults=True)
        for name, identity, generated, text, owns, place in cursor.fetchall()
    }


def clause(column: ColumnFact, fact: ValueFact | None) -> Composable:
    """What follows a column's type in CREATE TABLE; nothing for a kind that can't be made."""
    if fact is None:
        return SQL("")
    if fact.kind == "identity" and column.type in SERIAL:
        return SQL(" GENERATED {} AS IDENTITY").format(SQL("ALWAYS" if fact.always else "BY DEFAULT"))
    if fact.kind == "constant" and fact.text is not None:
        return SQL(" DEFAULT {}").format(Literal(fact.text))
    return SQL(f" DEFAULT {CALLS[fact.kind]}") if fact.kind in CALLS else SQL("")


def serial(column: ColumnFact, fact: ValueFact | None) -> Composable | None:
    """The type that makes a column its own sequence; None for any other column."""
    if fact is None or fact.kind != "sequence" or column.type not in SERIAL:
        return None
    return SQL(SERIAL[column.type])


def generated(name: str, fact: ValueFact) -> Composed:
    """A generated column of the kind "tsvector", for CREATE TABLE."""
    terms = [SQL("{}::pg_catalog.text").format(Identifier(column)) for column in fact.columns]
    if fact.coalesced:
        terms = [SQL("coalesce({}, '')").format(term) for term in terms]
    joined = SQL(" OPERATOR(pg_catalog.||) ' ' OPERATOR(pg_catalog.||) ").join(terms)
    config = Literal(f"pg_catalog.{fact.config}")
    column = "{} pg_catalog.tsvector GENERATED ALWAYS AS (pg_catalog.to_tsvector({}::pg_catalog.regconfig, {})) STORED"
    return SQL(column).format(Identifier(name), config, joined)


def in_place(columns: Sequence[Composed], design: Design, lost: Collection[str]) -> list[Composed]:
    """The ordinary columns of a table with the generated ones between them."""
    values, among = design.values, {column.name for column in design.columns}
    further = [(fact.position or MOST_COLUMNS, name, fact) for name, fact in values.items() if name not in among]
    places: list[Composed | None] = [*columns]
    for position, name, fact in sorted(further, key=lambda each: each[0]):
        places.insert(position - 1, None if name in lost else generated(name, fact))
    return [place for place in places if place is not None]


def lost(cursor: Cursor, columns: Mapping[str, ColumnFact], values: Mapping[str, ValueFact]) -> list[str]:
    """The columns that can't be made to get what they had by themselves."""
    return [name for name, fact in values.items() if not _is_known(cursor, columns, name, fact)]


def _is_known(cursor: Cursor, columns: Mapping[str, ColumnFact], name: str, fact: ValueFact) -> bool:
    column = columns.get(name)
    if column is None:
        types = {columns[one].type if one in columns else "" for one in fact.columns}
        if fact.kind != "tsvector" or not types or not types <= TEXTS:
            return False
        cursor.execute(CONFIGURED, (fact.config,))
        return bool(cursor.value())
    if fact.kind in ("identity", "sequence"):
        return column.type in SERIAL and column.not_null
    return fact.kind in CALLS or (fact.kind == "constant" and fact.text is not None)


def _fact(identity: str, is_generated: str, text: str, owns: bool) -> ValueFact:
    if identity:
        return ValueFact(kind="identity", always=identity == "a")
    if is_generated:
        return (is_generated == "s" and _tsvector(text)) or ValueFact(kind="other")
    if text in FUNCTIONS:
        return ValueFact(kind=FUNCTIONS[text])
    if owns and text.startswith("nextval('"):
        return ValueFact(kind="sequence")
    if PLAIN.fullmatch(text):
        return ValueFact(kind="constant", text=text)
    found = QUOTED.fullmatch(text)
    if found is None:
        return ValueFact(kind="other")
    value = found["text"].replace("''", "'")
    return ValueFact(kind="constant", text=value.replace("\\\\", "\\") if found["escaped"] else value)


def _tsvector(text: str) -> ValueFact | None:
    bare = CASTS.sub("", text)
    plain = COALESCED.sub(r"\1", bare)
    found = TSVECTOR.fullmatch(plain)
    if found is None:
        return None
    names = re.findall(COLUMN, found["terms"].replace("' '", ""))
    coalesced = len(COALESCED.findall(bare))
    if coalesced not in (0, len(names)):
        return None
    columns = [name[1:-1].replace('""', '"') if name.startswith('"') else name for name in names]
    return ValueFact(kind="tsvector", config=found["config"], columns=columns, coalesced=bool(coalesced))
