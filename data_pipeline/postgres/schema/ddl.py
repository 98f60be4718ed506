"""Make what a backup's tables need and the database does not have: pgvector, tables, keys, indexes.

Tables and keys come first, while they are empty, indexes once the rows are there, all in the restore's transaction.
Everything is composed from facts through lists of known kinds; text from a file is never executed.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeGuard

import psycopg2
from psycopg2.errors import InsufficientPrivilege
from psycopg2.sql import SQL, Composable, Composed, Identifier

from common.errors import (
    DependentRows,
    DuplicateRows,
    InternalError,
    InvalidBackup,
    PermissionDenied,
    SchemaMismatch,
)
from common.messages import say
from data_pipeline.postgres import sqlstate
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.reading import key_facts
from data_pipeline.postgres.schema import column_values, ddl_types, index_build, indexes, tables
from data_pipeline.postgres.schema.ddl_types import UnsupportedType
from data_pipeline.postgres.schema.tables import Live, Table
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.sets.tables.table_facts import ColumnFact, ForeignKeyFact, IndexFact
from data_pipeline.sets.tables.table_spec import Design

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
    designs: Mapping[str, Design]
    """Of all tables, those that are there as well."""
    lost: list[tuple[str, str]]
    """Table and column of what new tables won't have: a default or generated column of an unknown kind."""

    def of_new_tables(self) -> "Missing":
        """What can be made without a lock on a table that is there: a foreign key locks the one it refers to."""
        names = {design.name for design in self.tables}
        keys = [
            (name, key)
            for name, key in self.keys
            if name in names and (not isinstance(key, ForeignKeyFact) or key.referenced_table in names)
        ]
        return replace(self, keys=keys)

    @property
    def warnings(self) -> list[str]:
        lost = [say("column_value_not_created", table=table, column=column) for table, column in self.lost]
        parts = [say("table_part_not_created", table=one.name, name=name) for one in self.tables for name in one.unmade]
        return [*map(_not_made, self.unknown), *lost, *parts]


def missing(cursor: Cursor, schema: str, designs: Mapping[str, Design]) -> Missing:
    """Compare a backup's tables with the live ones. Indexes and keys are known by what they are, not by name."""
    absent: list[Design] = []
    lacking: list[tuple[str, Key]] = []
    for name, design in designs.items():
        table = tables.find(cursor, schema, design.layout)
        if table is None:
            absent.append(design)
        lacking += [(name, fact) for fact in _lacking(cursor, table, design)]
    known = [(name, fact) for name, fact in lacking if _is_known(fact, designs, schema)]
    vectors = any(ddl_types.from_extension(column.type) for design in designs.values() for column in design.columns)
    return Missing(
        extension=vectors and ddl_types.extension_schema(cursor) is None,
        tables=absent,
        keys=[(name, fact) for name, fact in known if not _waits(designs[name], fact)],
        indexes=[
            (name, fact) for name, fact in known if isinstance(fact, IndexFact) and fact not in designs[name].keys
        ],
        unknown=[fact.name for _, fact in lacking if not _is_known(fact, designs, schema)],
        designs=designs,
        lost=[(design.name, column) for design in absent for column in _lost(cursor, design)],
    )


def expect_available(cursor: Cursor) -> None:
    """Raise SchemaMismatch if the server has no pgvector to make an extension of."""
    cursor.execute(AVAILABLE)
    if not cursor.value():
        raise SchemaMismatch(say("pgvector_not_installed"), can_retry=False)


def create_extension(cursor: Cursor, schema: str) -> None:
    """Make pgvector beside the tables: the path's first schema, where it would go by itself, may be any or none."""
    expect_available(cursor)
    try:
        cursor.execute(SQL("CREATE EXTENSION vector SCHEMA {}").format(Identifier(schema)))
    except InsufficientPrivilege:  # who may is the server's to say: providers let roles that are no superusers
        raise PermissionDenied(say("extension_privilege_lacking"), can_retry=False) from None


def create_tables(session: Session, schema: str, lacking: Missing) -> None:
    """Make the extension, tables and keys. Raises ServiceError for what can't be made."""
    session.enter("index")
    cursor = session.cursor
    if lacking.extension:
        create_extension(cursor, schema)
    try:
        _create_tables(cursor, schema, lacking.designs, lacking.tables, lacking.keys)
    except psycopg2.ProgrammingError as error:  # class 42: the statement is ours, what it says is the manifest's
        answer = sqlstate.translate(error, session.phase, bool(cursor.connection.closed), session.ours)
        if isinstance(answer, InternalError):
            raise InvalidBackup(say("manifest_not_creatable"), can_retry=False) from None
        raise answer from None
    session.enter("prepare")


def create_absent(cursor: Cursor, schema: str, designs: Mapping[str, Design]) -> None:
    """Make the tables whose names no relation has, whole: keys and indexes too. Others stay as they are."""
    absent = [design for design in designs.values() if is_free(cursor, schema, design.layout.relation)]
    keys: list[tuple[str, Key]] = [(one.name, key) for one in absent for key in one.keys]
    keys += [(one.name, key) for one in absent for key in one.foreign_keys]
    _create_tables(cursor, schema, designs, absent, keys)
    types = ddl_types.extension_schema(cursor)
    for design in absent:
        for fact in design.indexes:
            if _waits(design, fact) and (method := ddl_types.index_method(fact, types)):
                cursor.execute(_index(fact, Identifier(fact.name), _identifier(design, schema), method))


def create_indexes(
    session: Session, live: Live, lacking: Missing, memory: str | None
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
    name = Identifier(fact.name) if is_free(session.cursor, table.schema, fact.name) else SQL("")
    statement = _index(fact, name, table.identifier, method)
    try:
        return index_build.build(session, table, fact.method, partial(session.cursor.execute, statement), memory)
    except (InvalidBackup, SchemaMismatch, DependentRows, DuplicateRows):
        return None


def _create_tables(
    cursor: Cursor,
    schema: str,
    designs: Mapping[str, Design],
    absent: Sequence[Design],
    keys: Sequence[tuple[str, Key]],
) -> None:
    for place in sorted({design.layout.schema for design in absent if design.layout.schema}):
        create_schema(cursor, place)
    types = ddl_types.extension_schema(cursor)
    for design in absent:
        _create_table(cursor, design, schema, types, _lost(cursor, design))
    # Primary and unique keys go before the foreign keys that refer to them.
    for name, key in sorted(keys, key=lambda pair: isinstance(pair[1], ForeignKeyFact)):
        _add(cursor, designs, schema, name, key)


def _lost(cursor: Cursor, design: Design) -> list[str]:
    return column_values.lost(cursor, {column.name: column for column in design.columns}, design.values)


def _create_table(cursor: Cursor, design: Design, schema: str, types: str | None, lost: Sequence[str]) -> None:
    try:
        cursor.execute(_table(design, schema, types, lost))
    except InsufficientPrivilege:
        place = design.layout.schema or schema
        text = say("schema_privilege_lacking", schema=place, privilege="CREATE")
        raise PermissionDenied(text, can_retry=False, details={"schema": place, "privileges": ["CREATE"]}) from None


def create_schema(cursor: Cursor, name: str) -> None:
    """Make a schema that a set names and that is not there."""
    cursor.execute("SELECT NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s)", (name,))
    if cursor.value():
        try:
            cursor.execute(SQL("CREATE SCHEMA {}").format(Identifier(name)))
        except InsufficientPrivilege:
            text = say("schema_not_creatable", schema=name)
            raise PermissionDenied(text, can_retry=False, details={"schema": name, "privileges": ["CREATE"]}) from None


def _identifier(design: Design, schema: str) -> Identifier:
    return Identifier(design.layout.schema or schema, design.layout.relation)


def _index(fact: IndexFact, name: Composable, table: Identifier, method: Composed) -> Composed:
    unique = SQL("UNIQUE ") if fact.unique else SQL("")
    return SQL("CREATE {}INDEX {} ON {} {}").format(unique, name, table, method)


def _table(design: Design, schema: str, types: str | None, lost: Sequence[str]) -> Composed:
    made = {name: fact for name, fact in design.values.items() if name not in lost}
    columns = [
        SQL("{} {}{}{}").format(
            Identifier(column.name),
            column_values.serial(column, made.get(column.name)) or _type(design.name, column, types),
            column_values.clause(column, made.get(column.name)),
            SQL(" NOT NULL") if column.not_null else SQL(""),
        )
        for column in design.columns
    ]
    everything = column_values.in_place(columns, design, lost)
    return SQL("CREATE TABLE {} ({})").format(_identifier(design, schema), SQL(", ").join(everything))


def _type(table: str, column: ColumnFact, types: str | None) -> Composable:
    try:
        return ddl_types.column_type(column.type, column.modifier, types)
    except UnsupportedType:
        text = say("column_type_not_made", table=table, column=column.name, type=column.type)
        details = {"table": table, "column": column.name, "type": column.type}
        raise SchemaMismatch(text, can_retry=False, details=details) from None


def _add(cursor: Cursor, designs: Mapping[str, Design], schema: str, table: str, key: Key) -> None:
    free = is_free(cursor, designs[table].layout.schema or schema, key.name)
    altered, name = _identifier(designs[table], schema), Identifier(key.name) if free else SQL("")
    if _is_index(key):
        if method := ddl_types.index_method(key, ddl_types.extension_schema(cursor)):
            cursor.execute(_index(key, name, altered, method))
    elif definition := _key(key, designs, schema):
        called = SQL("CONSTRAINT {} ").format(name) if free else name
        cursor.execute(SQL("ALTER TABLE {} ADD {}{}").format(altered, called, definition))


def _key(key: Key, designs: Mapping[str, Design], schema: str) -> Composed | None:
    if isinstance(key, ForeignKeyFact):
        referenced = designs.get(key.referenced_table)
        return ddl_types.foreign_key(key, _identifier(referenced, schema)) if referenced else None
    return ddl_types.unique_key(key)


def _lacking(cursor: Cursor, table: Table | None, design: Design) -> list[Key]:
    """The keys and indexes of a design that the live table, if any, lacks; earlier manifests have no `json_keys`."""
    found, references = key_facts.of(cursor, table) if table else ([], [])
    there = {IndexFact(**one).kind for fact in found for one in (fact, {**fact, "json_keys": []})}
    referring = {tuple(fact["columns"]) for fact in references}
    return [
        *(index for index in design.indexes if index.kind not in there),
        *(key for key in design.foreign_keys if tuple(key.columns) not in referring),
    ]


def _is_known(fact: Key, designs: Mapping[str, Design], schema: str) -> bool:
    if _is_index(fact):
        return ddl_types.index_method(fact, schema) is not None
    return _key(fact, designs, schema) is not None


def _is_index(fact: Key) -> TypeGuard[IndexFact]:
    """Whether it is an index of its own."""
    return isinstance(fact, IndexFact) and not fact.is_key


def _waits(design: Design, fact: Key) -> bool:
    """Whether it is an index that can wait until the rows are there."""
    return isinstance(fact, IndexFact) and fact not in design.keys


def is_free(cursor: Cursor, schema: str, name: str) -> bool:
    """Whether no relation of the schema has this name."""
    cursor.execute("SELECT to_regclass(%s) IS NULL", (Identifier(schema, name).as_string(cursor),))
    return bool(cursor.value())


def _not_made(name: str) -> str:
    return say("index_or_key_not_created", name=name)
