"""All SQL about whole tables: what they are, locks, rows in and out.

Every function takes a psycopg2 cursor inside a transaction and lets the driver's errors pass; the transaction
translates them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from psycopg2.errors import InsufficientPrivilege, InvalidSchemaName, UndefinedTable
from psycopg2.sql import SQL, Composable, Composed, Identifier

from common.errors import DependentRows, SchemaMismatch
from common.messages import say
from data_pipeline.layouts.base import Layout, TableLayout
from data_pipeline.postgres.reading.ctid_ranges import ALL_PAGES, Pages
from data_pipeline.postgres.row_filter import EVERYTHING, Scope
from data_pipeline.postgres.schema import absence, ddl_types
from data_pipeline.postgres.search_path import Cursor

QUEUE_SCHEMA = "vector_jobs"  # of the service's own tables, where the queue of its jobs is in this database

LockMode = Literal["ACCESS SHARE", "ROW EXCLUSIVE", "SHARE ROW EXCLUSIVE", "ACCESS EXCLUSIVE"]

COLUMNS = f"""
SELECT a.attname, a.atttypmod, a.attnotnull, a.atthasdef OR a.attidentity <> '', a.attidentity::text,
       (SELECT m.oid::bigint FROM pg_type m WHERE m.typarray = t.oid),
       {ddl_types.NAME}
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE a.attrelid = %(table)s AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY a.attnum
"""  # noqa: S608 - constants only

RELATION = """
SELECT c.oid, c.relkind = 'p', EXISTS (SELECT FROM pg_inherits WHERE inhparent = c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p')
"""


@dataclass(frozen=True)
class Column:
    """A column that COPY can fill: PostgreSQL's type name, and atttypmod (a vector's dimensions, -1 for any).

    element_oid: of an array, the oid of its elements' type. identity: pg_attribute's attidentity, "a" for GENERATED
    ALWAYS, whose values can be inserted but not updated.
    """

    name: str
    type: str
    modifier: int
    not_null: bool
    has_default: bool
    element_oid: int | None = None
    identity: str = ""


@dataclass(frozen=True)
class Table:
    """A live table, or a temporary one that holds rows of the same; layout: what it is to the others."""

    schema: str
    relation: str
    oid: int
    columns: tuple[Column, ...]
    layout: TableLayout
    partitioned: bool = False

    @property
    def name(self) -> str:
        """As requests and answers call it."""
        return self.layout.name

    @property
    def identifier(self) -> Identifier:
        """For INSERT, COPY and ALTER TABLE."""
        return Identifier(self.schema, self.relation)

    @property
    def rows(self) -> Composed:
        """For FROM, UPDATE, DELETE and TRUNCATE: its own rows and its partitions', not those of inheriting tables."""
        return SQL("{}" if self.partitioned else "ONLY {}").format(self.identifier)

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


class Live(Mapping[str, Table]):
    """The live tables of a layout, by name, in load order. layout: of that shape which they have."""

    def __init__(self, layout: Layout, schema: str, found: Mapping[str, Table]) -> None:
        self.layout = layout
        self.schema = schema
        """Of those tables whose layout names none."""
        self._found = {name: replace(found[name], layout=layout[name]) for name in layout.names}

    def __getitem__(self, name: str) -> Table:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def in_place(self) -> "Live":
        """The same, each called as the database has it."""
        called = {table.layout.place: table for table in self.values()}
        return Live(self.layout.in_place(), self.schema, called)

    @property
    def owner(self) -> Table:
        """The table whose rows own others; only of a layout with an ownership."""
        return self[str(self.layout.owner)]

    @property
    def members(self) -> Table:
        """The table whose rows are owned; only of a layout with an ownership."""
        return self[str(self.layout.member)]


def lock(
    cursor: Cursor,
    schema: str,
    layout: Layout,
    mode: LockMode,
    names: Collection[str] | None = None,
    *,
    wait: bool = True,
) -> None:
    """Lock tables of a layout, all or some, against load order: who adds a row locks its table before those it refers
    to. schema: where those tables are whose layout names none.

    Without `wait` it fails (55P03) where another lock is in the way or ahead in the queue.
    """
    chosen = [table for table in reversed(layout.tables) if names is None or table.name in names]
    relations = SQL(", ").join(Identifier(table.schema or schema, table.relation) for table in chosen)
    statement = SQL("LOCK TABLE {} IN {} MODE{}").format(relations, SQL(mode), SQL("" if wait else " NOWAIT"))
    cursor.execute(statement)


def lock_there(cursor: Cursor, schema: str, layout: Layout, mode: LockMode) -> None:
    """The same, as the first thing of a transaction. Raises SchemaMismatch, PermissionDenied that say what is wrong."""
    cursor.execute("SAVEPOINT locking")  # takes no snapshot, which must come after the lock
    try:
        lock(cursor, schema, layout, mode)
    except (UndefinedTable, InvalidSchemaName, InsufficientPrivilege) as error:
        cursor.execute("ROLLBACK TO SAVEPOINT locking")
        raise absence.of(cursor, schema, layout.tables) or error from None
    cursor.execute("RELEASE SAVEPOINT locking")


def database(cursor: Cursor) -> str:
    """The name of the connected database."""
    cursor.execute("SELECT current_database()")
    return str(cursor.value())


def expect_database(cursor: Cursor, name: str | None) -> None:
    """Raise SchemaMismatch if the connected database has another name; None allows any."""
    found = database(cursor)
    if name not in (None, found):
        raise SchemaMismatch(say("database_not_expected"), can_retry=False, details={"database": found})


def inspect(cursor: Cursor, schema: str, layout: Layout) -> Live:
    """The live tables of a layout, in whichever of its shapes. Raises SchemaMismatch if one is missing, partitioned or
    inherited from."""
    sought = {table: find(cursor, schema, table) for table in layout.tables}
    if lacking := [table for table, there in sought.items() if there is None]:
        raise absence.missing(cursor, schema, lacking)
    found = {table.name: there for table, there in sought.items() if there}
    columns = {name: [column.name for column in table.columns] for name, table in found.items()}
    return Live(layout.shaped(columns), schema, found)


def expect_there(cursor: Cursor, schema: str, layout: TableLayout) -> Table:
    """A live table. Raises SchemaMismatch as find does, and if there is none."""
    found = find(cursor, schema, layout)
    if found is None:
        raise absence.missing(cursor, schema, [layout])
    return found


def find(cursor: Cursor, schema: str, layout: TableLayout) -> Table | None:
    """A live table, None if it is not there. Raises SchemaMismatch for the server's own, and for one that is
    partitioned or inherited from, where its library makes no such table."""
    name, place = layout.name, layout.schema or schema
    cursor.execute(RELATION, (place, layout.relation))
    found = cursor.fetchone()
    if found is None:
        return None
    oid, partitioned, has_children = found
    if (partitioned or has_children) and layout.schema is None:  # no library makes its tables so
        raise SchemaMismatch(say("table_partitioned", table=name), can_retry=False, details={"table": name})
    if is_system_schema(place):
        raise _of_the_system(name)
    return Table(place, layout.relation, oid, columns_of(cursor, oid), layout, partitioned)


def columns_of(cursor: Cursor, oid: int) -> tuple[Column, ...]:
    """The columns of a relation, in its order."""
    cursor.execute(COLUMNS, {"table": oid, "extensions": sorted(ddl_types.EXTENSION_TYPES)})
    return tuple(
        Column(column, type_name, modifier, not_null, has_default, element_oid, identity)
        for column, modifier, not_null, has_default, identity, element_oid, type_name in cursor.fetchall()
    )


def expect_of_applications(layout: Layout) -> None:
    """Raise SchemaMismatch if a table is where no application's are: known before the database is asked."""
    if found := next((one for one in layout.tables if one.schema and is_system_schema(one.schema)), None):
        raise _of_the_system(found.place)


def is_system_schema(schema: str) -> bool:
    """Whether its tables are the server's own, one session's, or this service's."""
    return schema.startswith("pg_") or schema in ("information_schema", QUEUE_SCHEMA)


def _of_the_system(table: str) -> SchemaMismatch:
    reason = say("is_a_system_table")
    text = say("table_unfit", table=table, reason=reason)
    return SchemaMismatch(text, can_retry=False, details={"table": table, "reason": reason})


def count(cursor: Cursor, table: Table, scope: Scope = EVERYTHING) -> int:
    """Rows as this transaction sees them."""
    condition = scope.condition(table.layout, "l")
    cursor.execute(SQL("SELECT count(*) FROM {} l WHERE {}").format(table.rows, condition))
    return int(cursor.value())


def estimate_rows(cursor: Cursor, live: Live) -> int:
    """About how many rows tables have, as the last ANALYZE saw them; 0 where there was none."""
    oids = [table.oid for table in live.values()]
    cursor.execute("SELECT sum(greatest(reltuples, 0)) FROM pg_class WHERE oid = ANY(%s::oid[])", (oids,))
    return int(cursor.value())


def truncate(cursor: Cursor, live: Live, selected: Collection[str]) -> None:
    """Empty the selected tables. Never cascades.

    PostgreSQL refuses to truncate a table that another one refers to even when that one is empty: it is named beside
    it then. Raises DependentRows if it is not empty.
    """
    expect_none_refer(cursor, live, selected)
    relations = SQL(", ").join(live[name].rows for name in live.layout.with_referring(selected))
    cursor.execute(SQL("TRUNCATE {}").format(relations))


def expect_none_refer(cursor: Cursor, live: Live, selected: Collection[str]) -> None:
    """Raise DependentRows if a table of the layout that refers to the selected ones, and is none of them, has rows."""
    for name in live.layout.with_referring(selected):
        if name in selected:
            continue
        cursor.execute(SQL("SELECT EXISTS (SELECT FROM {})").format(live[name].rows))
        if cursor.value():
            referenced = ", ".join(one.table for one in live.layout[name].references if one.table != name)
            text = say("rows_still_reference_emptied_table", table=name, referenced=referenced)
            raise DependentRows(text, can_retry=False)


def copy_in(cursor: Cursor, table: Table, columns: Sequence[str], file_format: str, stream: Any) -> int:
    """COPY a stream into the table; returns the rows the server wrote.

    file_format: "binary" or "csv" (no header line). The stream's read(size) may give more than was asked for.
    """
    statement = SQL("COPY {} ({}) FROM STDIN WITH (FORMAT {})").format(
        table.identifier, _names(columns), SQL(file_format)
    )
    cursor.copy_expert(statement, stream)
    return cursor.rowcount


def copy_out(cursor: Cursor, table: Table, scope: Scope, pages: Pages, file_format: str, sink: Any) -> int:
    """COPY the table's rows to a sink, in the table's column order; returns how many the server read.

    The server sends one message a row, and psycopg2 one write a message; in binary a header stands in front of the
    first one, and a trailer comes after the last. CSV comes without its header.
    """
    names = _names([column.name for column in table.columns])
    if scope == EVERYTHING and pages == ALL_PAGES and not table.partitioned:
        rows: Composable = SQL("{} ({})").format(table.identifier, names)
    else:
        conditions = SQL(" AND ").join([scope.condition(table.layout, "l"), *pages.conditions("l")])
        rows = SQL("(SELECT {} FROM {} l WHERE {})").format(names, table.rows, conditions)
    cursor.copy_expert(SQL("COPY {} TO STDOUT WITH (FORMAT {})").format(rows, SQL(file_format)), sink)
    return cursor.rowcount


def total_size(cursor: Cursor, table: Table) -> int:
    """Bytes of the table with what is stored out of line, without its indexes."""
    cursor.execute("SELECT pg_table_size(%s::oid)", (table.oid,))
    return int(cursor.value())


def _names(columns: Sequence[str]) -> Composed:
    return SQL(", ").join(Identifier(name) for name in columns)
