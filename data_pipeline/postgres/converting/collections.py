"""Tables of PGVectorStore as collections of LangChain's two tables, which are made where they are missing.

What is in the two tables stays. An id is the key of all collections there, so none may be in two of the tables, nor
in the live one.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID, uuid5

from psycopg2.sql import SQL, Composable, Composed, Identifier, Literal

from common.errors import DuplicateRows, InternalError, SchemaMismatch, TriggerChangedRows
from common.messages import say
from data_pipeline.layouts.base import Layout
from data_pipeline.layouts.vector_store import Roles
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.converting import metadata
from data_pipeline.postgres.converting.metadata import ColumnCounts
from data_pipeline.postgres.converting.staged_set import StagedTable
from data_pipeline.postgres.converting.stores import over_vectors, vector_type
from data_pipeline.postgres.schema import ddl, ddl_types, index_build, indexes, tables
from data_pipeline.postgres.schema.tables import Live
from data_pipeline.postgres.writing.collections import MOST_NAMES
from data_pipeline.sets.tables import table_spec
from data_pipeline.sets.tables.table_facts import IndexFact

NAMESPACE = UUID("6f1d6f3e-2b0a-5d43-9a52-5f5c2d7a9e10")
"""The uuid of a collection is made from its name in this one, always the same."""

MOST_IDS = 20
"""Of ids that are taken, an answer lists no more."""


@dataclass(frozen=True)
class StagedStore:
    """A table of PGVectorStore to go into a collection. indexes: those that it had."""

    staged: StagedTable
    roles: Roles
    collection: str
    indexes: Sequence[IndexFact]

    @property
    def uuid(self) -> str:
        return str(uuid5(NAMESPACE, self.collection))

    def rows(self, types: str) -> Composed:
        """As the embeddings have them."""
        roles = self.roles
        base = self.staged.as_jsonb("s", roles.metadata) if roles.metadata else SQL("NULL::pg_catalog.jsonb")
        return SQL(
            "SELECT s.{id}::pg_catalog.varchar AS id, {uuid}::pg_catalog.uuid AS collection_id,"
            " s.{embedding}::{vector} AS embedding, s.{content}::pg_catalog.varchar AS document, {meta} AS cmetadata"
            " FROM {staged} s"
        ).format(
            id=Identifier(roles.id),
            uuid=Literal(self.uuid),
            embedding=Identifier(roles.embedding),
            vector=vector_type(types, None),
            content=Identifier(roles.content),
            meta=metadata.folded(base, roles.metadata, roles.columns),
            staged=self.staged.table.identifier,
        )

    @property
    def dimensions(self) -> int | None:
        """What the column fixes."""
        column = self.staged.table.column(self.roles.embedding)
        return column.modifier if column and column.modifier > 0 else None


@dataclass(frozen=True)
class Filled:
    """A collection with the rows of a table. columns: how many rows gave a value of each to the metadata."""

    store: StagedStore
    rows: int
    columns: Sequence[ColumnCounts]
    seconds: float


class Collections:
    """Where tables of PGVectorStore go."""

    def __init__(self, session: Session, layout: Layout, stores: Sequence[StagedStore]) -> None:
        self._session = session
        self._cursor = session.cursor
        self._layout = layout
        self._stores = stores
        self._types = str(ddl_types.extension_schema(session.cursor))
        self.made: list[str] = []
        """Tables that were missing."""

    def prepare(self) -> Live:
        """The two tables, made where they are missing. Raises SchemaMismatch for tables of the older shape."""
        schema = self._session.schema
        there = {one.name: tables.find(self._cursor, schema, one) for one in self._layout.tables}
        self.made = [name for name, table in there.items() if table is None]
        ddl.create_absent(self._cursor, schema, table_spec.as_made(self._layout))
        live = tables.inspect(self._cursor, schema, self._layout)
        if live.layout.name != self._layout.name:
            raise SchemaMismatch(say("into_older_tables"), can_retry=False)
        if self._layout.member in self.made and (dimensions := self._indexed_dimensions()):
            column, vector = self._layout.owned.member, vector_type(self._types, dimensions)
            statement = SQL("ALTER TABLE {} ALTER {} TYPE {}")
            (embedding,) = self._layout[column].vectors
            self._cursor.execute(statement.format(live.members.identifier, Identifier(embedding), vector))
        return live

    def expect_free(self, live: Live) -> None:
        """Raise DuplicateRows for collections of the same name, and for ids that are there or occur twice."""
        names = [store.collection for store in self._stores]
        statement = SQL("SELECT name FROM {} WHERE name = ANY(%s) ORDER BY 1").format(live.owner.identifier)
        self._cursor.execute(statement, (names,))
        if taken := [name for (name,) in self._cursor.fetchall()][:MOST_NAMES]:
            text = say("into_collections_taken", names=", ".join(taken))
            raise DuplicateRows(text, can_retry=False, details={"collections": taken})
        each = [
            SQL("SELECT s.{}::text AS id FROM {} s").format(Identifier(one.roles.id), one.staged.table.identifier)
            for one in self._stores
        ]
        taken_ids = SQL("SELECT i.id FROM ({}) i GROUP BY 1 HAVING count(*) > 1 OR EXISTS ({}) ORDER BY 1 LIMIT {}")
        there = SQL("SELECT FROM {} l WHERE l.id = i.id").format(live.members.identifier)
        self._cursor.execute(taken_ids.format(SQL(" UNION ALL ").join(each), there, Literal(MOST_IDS)))
        if twice := [id_ for (id_,) in self._cursor.fetchall()]:
            text = say("into_ids_taken", ids=", ".join(twice))
            raise DuplicateRows(text, can_retry=False, details={"ids": twice})

    def count(self, store: StagedStore) -> Filled:
        """What fill() would do."""
        started = time.monotonic()
        counts = [self._counted(store, column) for column in store.roles.columns]
        return Filled(store, store.staged.rows, counts, time.monotonic() - started)

    def fill(self, live: Live, store: StagedStore) -> Filled:
        """Make a collection of a table's rows."""
        started = time.monotonic()
        self._session.enter("load", store.staged.table.name)
        self._cursor.execute(
            SQL("INSERT INTO {} (uuid, name) VALUES ({}::pg_catalog.uuid, {})").format(
                live.owner.identifier, Literal(store.uuid), Literal(store.collection)
            )
        )
        statement = SQL("INSERT INTO {} (id, collection_id, embedding, document, cmetadata) {}")
        self._cursor.execute(statement.format(live.members.identifier, store.rows(self._types)))
        if self._cursor.rowcount != store.staged.rows:
            lacking = store.staged.rows - self._cursor.rowcount
            raise TriggerChangedRows(live.members.name, abs(lacking))
        counted = self.count(store)
        return Filled(store, store.staged.rows, counted.columns, time.monotonic() - started)

    def expect_equal(self, live: Live, store: StagedStore, triggers: Sequence[str]) -> None:
        """Raise TriggerChangedRows unless the live table has a table's rows, to the bit."""
        names = ("collection_id", "embedding", "document", "cmetadata")
        statement = SQL(
            "SELECT count(*) FROM ({}) n WHERE NOT EXISTS (SELECT FROM {} l WHERE l.id = n.id"
            " AND ROW({})::record *= ROW({})::record)"
        ).format(store.rows(self._types), live.members.identifier, _record("l", names), _record("n", names))
        self._cursor.execute(statement)
        if rows := int(self._cursor.value()):
            raise TriggerChangedRows(live.members.name, rows, list(triggers))

    def index(self, live: Live, memory: str | None) -> tuple[dict[str, dict[str, Any]], list[str]]:
        """The vector indexes that the tables had, if the table of embeddings is new and all have one number of
        dimensions; what was made, and what could not be."""
        if self._layout.member not in self.made:
            return {}, []
        self._session.enter("index", live.members.name)
        dimensions = self._indexed_dimensions()
        made: dict[str, dict[str, Any]] = {}
        warnings: list[str] = []
        (column,) = live.members.layout.vectors
        for number, fact in enumerate(self._vector_indexes(column, dimensions).values()):
            method = ddl_types.index_method(fact, self._types) if dimensions else None
            if method is None:
                warnings.append(say("into_index_not_made", index=fact.name, table=live.members.name))
                continue
            started = time.monotonic()
            name = f"{live.members.relation}_{fact.method}{number or ''}"
            statement = SQL("CREATE INDEX {} ON {} {}").format(Identifier(name), live.members.identifier, method)
            build = partial(self._cursor.execute, statement)
            parallel = index_build.build(self._session, live.members, fact.method, build, memory)
            made[name] = indexes.result(live.members, fact.method, started, parallel=parallel)
        return made, warnings

    def _vector_indexes(self, column: str, dimensions: int | None) -> Mapping[str, IndexFact]:
        """Each kind once, whichever tables had it."""
        found: dict[str, IndexFact] = {}
        for store in self._stores:
            for fact in over_vectors(store.indexes, column, dimensions):
                same = fact.model_copy(update={"name": ""}).model_dump_json()
                found.setdefault(same, fact)
        return found

    def _indexed_dimensions(self) -> int | None:
        """The one number of dimensions that all tables have, if one of them has a vector index."""
        found = {store.dimensions for store in self._stores}
        indexed = any(over_vectors(store.indexes, "", None) for store in self._stores)
        return found.pop() if indexed and len(found) == 1 else None

    def _counted(self, store: StagedStore, column: str) -> ColumnCounts:
        named: Composable = Identifier(column)
        self._cursor.execute(
            SQL("SELECT count({c}), count(*) - count({c}) FROM {t}").format(c=named, t=store.staged.table.identifier)
        )
        converted, missing = map(int, self._cursor.one())
        found = store.staged.table.column(column)
        if found is None:
            raise InternalError(say("restore_failed"))
        return ColumnCounts(column, found.type, converted, 0, missing, 0)


def _record(alias: str, names: Sequence[str]) -> Composed:
    return SQL(", ").join(Identifier(alias, name) for name in names)
