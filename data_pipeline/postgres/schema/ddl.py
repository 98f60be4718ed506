"""Make what a backup's tables need and the database does not have: pgvector, tables, keys, indexes.

Tables and keys come first, while they are empty, indexes once the rows are there. All of it is part of the restore's
transaction. Everything is composed from facts through lists of known kinds; text from a file is never executed.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import psycopg2
from psycopg2.sql import SQL, Composed, Identifier

from common.errors import DependentRows, DuplicateRows, InternalError, InvalidBackup, SchemaMismatch
from common.messages import say
from data_pipeline.postgres import sqlstate
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.schema import ddl_types, index_build, indexes, tables
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.sets.manifest import ForeignKeyFact, IndexFact
from data_pipeline.sets.table_spec import Design
from data_pipeline.storage.naming import COLLECTION

AVAILABLE = "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector')"

Key = IndexFact | ForeignKeyFact


@dataclass(frozen=True)
class Missing:
    """What a database lacks; keys and indexes with the table they belong to. `unknown` can't be made."""

    extension: bool
    tables: list[Design]
    keys: list[tuple[str, Key]]
    indexes: list[tuple[str, IndexFact]]
    unknown: list[str]

    def describe(self) -> dict[str, Any]:
        """As an answer shows it."""
        return {
            "extension": self.extension,
            "tables": [design.name for design in self.tables],
            "keys": [key.name for _, key in self.keys],
            "indexes": [index.name for _, index in self.indexes],
        }

    def of_new_tables(self) -> "Missing":
        """What can be made without a lock on a table that is there: a foreign key locks the one it refers to."""
        names = {design.name for design in self.tables}
        keys = [
            (name, key)
            for name, key in self.keys
            if name in names and (COLLECTION in names or not isinstance(key, ForeignKeyFact))
        ]
        return replace(self, keys=keys)

    @property
    def warnings(self) -> list[str]:
        return list(map(_not_made, self.unknown))


def missing(cursor: Any, schema: str, designs: Mapping[str, Design]) -> Missing:
    """Compare a backup's tables with the live ones. Indexes and keys are known by what they are, not by name."""
    absent: list[Design] = []
    lacking: list[tuple[str, Key]] = []
    for name, design in designs.items():
        table = tables.find(cursor, schema, name)
        if table is None:
            absent.append(design)
        lacking += [(name, fact) for fact in _lacking(cursor, table, design)]
    known = [(name, fact) for name, fact in lacking if _is_known(fact, schema)]
    vectors = any(ddl_types.is_vector(column.type) for design in designs.values() for column in design.columns)
    return Missing(
        extension=vectors and ddl_types.extension_schema(cursor) is None,
        tables=absent,
        keys=[(name, fact) for name, fact in known if not _is_index(fact)],
        indexes=[(name, fact) for name, fact in known if isinstance(fact, IndexFact) and _is_index(fact)],
        unknown=[fact.name for _, fact in lacking if not _is_known(fact, schema)],
    )


def expect_available(cursor: Any) -> None:
    """Raise SchemaMismatch if the server has no pgvector to make an extension of."""
    cursor.execute(AVAILABLE)
    if not cursor.fetchone()[0]:
        raise SchemaMismatch(say("pgvector_not_installed"), can_retry=False)


def create_tables(session: Session, schema: str, lacking: Missing) -> None:
    """Make the extension, tables and keys. Raises ServiceError, whatever can't be made."""
    session.enter("index")
    cursor = session.cursor
    if lacking.extension:
        expect_available(cursor)
        # Beside the tables: the first schema of the path, where it would go by itself, may be any or none.
        cursor.execute(SQL("CREATE EXTENSION vector SCHEMA {}").format(Identifier(schema)))
    types = ddl_types.extension_schema(cursor)
    try:
        for design in lacking.tables:
            cursor.execute(_table(design, schema, types))
        # Primary and unique keys go before the foreign key that refers to them.
        for table, key in sorted(lacking.keys, key=lambda pair: isinstance(pair[1], ForeignKeyFact)):
            _add(cursor, Identifier(schema, table), schema, key)
    except psycopg2.ProgrammingError as error:  # class 42: the statement is ours, what it says is the manifest's
        answer = sqlstate.translate(error, session.phase, bool(cursor.connection.closed))
        if isinstance(answer, InternalError):
            raise InvalidBackup(say("manifest_not_creatable"), can_retry=False) from None
        raise answer from None
    session.enter("prepare")


def create_indexes(
    session: Session, live: Mapping[str, Table], lacking: Missing, memory: str | None
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Make the indexes; returns what was made, by name, and warnings about those that could not be.

    An index that the database won't have is no reason to lose the rows. Raises ServiceError for anything else.
    """
    session.enter("index")
    results, warnings = {}, []
    types = ddl_types.extension_schema(session.cursor)
    for table, fact in lacking.indexes:
        started = time.monotonic()
        parallel = _create_index(session, live[table], fact, types, memory)
        if parallel is None:
            warnings.append(_not_made(fact.name))
        else:
            results[fact.name] = indexes.result(live[table], fact.method, started, parallel=parallel)
    return results, warnings


def _create_index(
    session: Session, table: Table, fact: IndexFact, types: str | None, memory: str | None
) -> bool | None:
    method = ddl_types.index_method(fact, types)
    if method is None:
        return None
    name = Identifier(fact.name) if _is_free(session.cursor, table.schema, fact.name) else SQL("")
    unique = SQL("UNIQUE ") if fact.unique else SQL("")
    statement = SQL("CREATE {}INDEX {} ON {} {}").format(unique, name, table.identifier, method)
    try:
        return index_build.build(session, table, fact.method, partial(session.cursor.execute, statement), memory)
    except (InvalidBackup, SchemaMismatch, DependentRows, DuplicateRows):
        return None


def _table(design: Design, schema: str, types: str | None) -> Composed:
    columns = [
        SQL("{} {}{}").format(
            Identifier(column.name),
            ddl_types.column_type(column.type, column.modifier, types),
            SQL(" NOT NULL") if column.not_null else SQL(""),
        )
        for column in design.columns
    ]
    return SQL("CREATE TABLE {} ({})").format(Identifier(schema, design.name), SQL(", ").join(columns))


def _add(cursor: Any, table: Identifier, schema: str, key: Key) -> None:
    definition = _key(key, schema)
    if definition:
        name = SQL("CONSTRAINT {} ").format(Identifier(key.name))
        free = _is_free(cursor, schema, key.name)
        cursor.execute(SQL("ALTER TABLE {} ADD {}{}").format(table, name if free else SQL(""), definition))


def _key(key: Key, schema: str) -> Composed | None:
    if isinstance(key, ForeignKeyFact):
        return ddl_types.foreign_key(key, Identifier(schema, COLLECTION))
    names = SQL(", ").join(map(Identifier, key.keys[: len(key.operator_classes)]))
    return SQL("PRIMARY KEY ({})" if key.primary else "UNIQUE ({})").format(names)


def _lacking(cursor: Any, table: Table | None, design: Design) -> list[Key]:
    """The keys and indexes of a design that the live table, if there is one, does not have."""
    found, references = indexes.facts(cursor, table) if table else ([], [])
    there = {_sort(IndexFact(**fact)) for fact in found}
    referring = {tuple(fact["columns"]) for fact in references}
    return [
        *(index for index in design.indexes if _sort(index) not in there),
        *(key for key in design.foreign_keys if tuple(key.columns) not in referring),
    ]


def _is_known(fact: Key, schema: str) -> bool:
    if _is_index(fact):
        return isinstance(fact, IndexFact) and ddl_types.index_method(fact, schema) is not None
    return _key(fact, schema) is not None


def _is_index(fact: Key) -> bool:
    """Whether it is an index of its own, which can wait until the rows are there."""
    return isinstance(fact, IndexFact) and not (fact.constraint or fact.primary)


def _is_free(cursor: Any, schema: str, name: str) -> bool:
    """Whether no relation of the schema has this name."""
    cursor.execute("SELECT to_regclass(%s) IS NULL", (Identifier(schema, name).as_string(cursor),))
    return bool(cursor.fetchone()[0])


def _sort(fact: IndexFact) -> tuple[Any, ...]:
    """What an index is, whatever its name and options. One behind a key is known by its columns alone."""
    if fact.unique and fact.method == "btree" and not fact.partial and not fact.casts:
        return (fact.primary, tuple(fact.keys))
    casts = tuple((cast.column, cast.type, cast.dimensions) if cast else None for cast in fact.casts)
    return (fact.method, tuple(fact.keys), tuple(fact.operator_classes), casts, fact.unique, fact.partial)


def _not_made(name: str) -> str:
    return say("index_or_key_not_created", name=name)
