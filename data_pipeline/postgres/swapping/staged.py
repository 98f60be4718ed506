"""A new table like a live one, made in a transaction of its own so that other connections can fill it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from psycopg2.sql import SQL, Composable, Identifier, Literal

from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.swapping.facts import TableFacts
from data_pipeline.postgres.swapping.index_facts import Index
from data_pipeline.postgres.swapping.names import MARK

LIKE = "LIKE {} INCLUDING ALL EXCLUDING INDEXES EXCLUDING STATISTICS"
GRANTEES = """
SELECT DISTINCT CASE WHEN x.grantee = 0 THEN NULL ELSE pg_get_userbyid(x.grantee)::text END
FROM pg_class c, aclexplode(c.relacl) x WHERE c.oid = %s::regclass AND x.grantee <> c.relowner
"""
OID = "SELECT %s::regclass::oid::bigint"


@dataclass(frozen=True)
class Replacement:
    """A live table, what it has, and the new table that takes its place.

    facts: what the new table is given, by whose indexes and statistics its own are named. now: what the live table has
    in the end.
    """

    live: Table
    facts: TableFacts
    table: Table
    now: TableFacts

    @property
    def old(self) -> str:
        """What the live table is called once the new one has its place, until it is removed like a staging table."""
        return f"{self.table.relation}_old"

    def named(self, index: Index) -> str:
        """What an index is called until the new table has the place."""
        return f"{self.table.relation}_i{self.facts.indexes.index(index)}"

    def statistics_named(self, number: int) -> str:
        """The same of an extended statistics object."""
        return f"{self.table.relation}_s{number}"


def create(cursor: Cursor, live: Table, facts: TableFacts, name: str) -> Replacement:
    """Make an empty table that no other role may read, without keys and indexes.

    Autovacuum leaves it alone until it has the live table's options: its locks would be in the way.
    """
    table = replace(live, relation=name, oid=0)
    cursor.execute(
        SQL("CREATE {}TABLE {} ({}){} WITH (autovacuum_enabled = false){}").format(
            SQL("UNLOGGED " if facts.unlogged else ""),
            table.identifier,
            SQL(LIKE).format(live.identifier),
            SQL(" USING {}").format(Identifier(facts.method)) if facts.method else SQL(""),
            SQL(" TABLESPACE {}").format(Identifier(facts.tablespace)) if facts.tablespace else SQL(""),
        )
    )
    shown = table.identifier.as_string(cursor)
    cursor.execute(OID, (shown,))
    made = Replacement(live, facts, replace(table, oid=cursor.value()), facts)
    each: list[Composable] = [
        SQL("COMMENT ON TABLE {} IS {}").format(table.identifier, Literal(MARK)),
        SQL("ALTER TABLE {} OWNER TO {}").format(table.identifier, Identifier(facts.owner)),
        *_column_settings(made),
        *_statistics(made),
    ]
    run(cursor, each)
    cursor.execute(GRANTEES, (shown,))  # what the default privileges of the owner give to others
    for (role,) in cursor.fetchall():
        grantee = SQL("PUBLIC") if role is None else Identifier(role)
        cursor.execute(SQL("REVOKE ALL ON {} FROM {} CASCADE").format(table.identifier, grantee))
    return made


def settle(cursor: Cursor, one: Replacement) -> None:
    """Give a filled and indexed table its keys, and the settings that the live one has."""
    made: list[Composable] = [
        index.create(one.named(index), one.table)
        for index in one.facts.indexes
        if index.constraint and index.constraint.definition
    ]
    for index in one.facts.indexes:
        made += index.finish(one.named(index), one.table)
    if one.facts.replica_identity in ("f", "n"):
        kind = SQL("FULL" if one.facts.replica_identity == "f" else "NOTHING")
        made.append(SQL("ALTER TABLE {} REPLICA IDENTITY {}").format(one.table.identifier, kind))
    made.append(SQL("ALTER TABLE {} RESET (autovacuum_enabled)").format(one.table.identifier))
    options = [*map(option, one.facts.options), *(option(text, "toast") for text in one.facts.toast_options)]
    if options:
        made.append(SQL("ALTER TABLE {} SET ({})").format(one.table.identifier, SQL(", ").join(options)))
    run(cursor, made)


def run(cursor: Cursor, statements: Sequence[Composable]) -> None:
    """Run statements that don't read, in one message."""
    if statements:
        cursor.execute(SQL("; ").join(statements))


def option(text: str, space: str = "") -> Composable:
    """A storage parameter as pg_class has it: `name=value`."""
    name, _, value = text.partition("=")
    path = Identifier(space) + SQL(".") + Identifier(name) if space else Identifier(name)
    return SQL("{} = {}").format(path, Literal(value))


def _column_settings(one: Replacement) -> list[Composable]:
    made: list[Composable] = []
    for column in one.facts.columns:
        altered = SQL("ALTER TABLE {} ALTER COLUMN {} ").format(one.table.identifier, Identifier(column.name))
        if column.target >= 0:
            made.append(altered + SQL("SET STATISTICS {}").format(Literal(column.target)))
        if column.options:
            made.append(altered + SQL("SET ({})").format(SQL(", ").join(map(option, column.options))))
    return made


def _statistics(one: Replacement) -> list[Composable]:
    made: list[Composable] = []
    for number, found in enumerate(one.facts.statistics):
        name = Identifier(found.schema, one.statistics_named(number))
        made.append(SQL("CREATE STATISTICS {}{} FROM {}").format(name, SQL(found.columns), one.table.identifier))
        if found.target >= 0:
            made.append(SQL("ALTER STATISTICS {} SET STATISTICS {}").format(name, Literal(found.target)))
        made.append(SQL("ALTER STATISTICS {} OWNER TO {}").format(name, Identifier(found.owner)))
        if found.comment is not None:
            made.append(SQL("COMMENT ON STATISTICS {} IS {}").format(name, Literal(found.comment)))
    return made
