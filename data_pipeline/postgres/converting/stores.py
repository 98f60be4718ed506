"""LangChain's collections as tables of PGVectorStore, made as `init_vectorstore_table` makes them.

Ids are text in PGVector: the column is uuid, the library's default, where every id of the collection is written as a
uuid is, else varchar. Keys and indexes are made once the rows are there.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from psycopg2.errors import InsufficientPrivilege
from psycopg2.sql import SQL, Composable, Composed, Identifier
from psycopg2.sql import Literal as Value

from common.errors import InternalError, PermissionDenied, SchemaMismatch
from common.messages import say
from data_pipeline.layouts import vector_store
from data_pipeline.layouts.base import Conversion, TableLayout
from data_pipeline.layouts.vector_store import CONTENT, ID, METADATA, VECTOR
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.converting.metadata import ColumnCounts, Metadata, MetadataColumn
from data_pipeline.postgres.converting.staged_set import StagedTable
from data_pipeline.postgres.schema import analyze, ddl, ddl_types, index_build, indexes, tables
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.writing.staging import creating
from data_pipeline.sets.tables.table_facts import CastFact, IndexFact

IdType = Literal["uuid", "varchar"]

UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
"""As PostgreSQL writes one, so that its text stays what it was."""

SHARED = "converted_ids"
"""Where ids of the older shape stand that several rows have."""

FACTS = """
SELECT r.collection_id::text, count(*), count(*) FILTER (WHERE r.embedding IS NULL), min({dimensions}),
       max({dimensions}), count(*) FILTER (WHERE r.document IS NULL), bool_and(r.id ~ {uuid})
FROM ({rows}) r GROUP BY 1
"""

MADE = """
CREATE TABLE {table} ({id} {id_type} NOT NULL, {content} pg_catalog.text NOT NULL, {embedding} {vector} NOT NULL
{columns}, {metadata} pg_catalog.json)
"""
FILLED = """
INSERT INTO {table} ({names})
SELECT r.id::{id_type}, COALESCE(r.document, ''), r.embedding::{vector}, {columns}{rest}::pg_catalog.json {rows}
"""


@dataclass(frozen=True)
class Collection:
    """A collection of the set; its rows, and what they are like. dimensions: None of an empty one."""

    uuid: str
    name: str | None
    described: bool
    rows: int = 0
    without_embedding: int = 0
    least: int | None = None
    most: int | None = None
    without_text: int = 0
    of_uuids: bool = True

    @property
    def dimensions(self) -> int | None:
        return self.most


@dataclass(frozen=True)
class Store:
    """A table that a collection went into."""

    collection: Collection
    table: Table
    id_type: IdType
    columns: Sequence[ColumnCounts]
    seconds: float


class Stores:
    """The staged rows of LangChain's two tables, to be written as tables of PGVectorStore."""

    def __init__(
        self,
        session: Session,
        owners: StagedTable,
        members: StagedTable,
        conversion: Conversion,
        columns: Sequence[MetadataColumn],
    ) -> None:
        self._session = session
        self._cursor = session.cursor
        self._owners = owners
        self._members = members
        self._conversion = conversion
        self._metadata = Metadata(session.cursor, columns)
        self._types = str(ddl_types.extension_schema(session.cursor))
        self._rows = self._as_rows()
        self._orphans = 0

    def unconverted(self) -> list[str]:
        """Columns of the embeddings that are the user's own, and go nowhere."""
        known = {"id", "collection_id", "embedding", "document", "cmetadata", *self._conversion.ids}
        return [column.name for column in self._members.table.columns if column.name not in known]

    def collections(self) -> list[Collection]:
        """All of the set, by name."""
        described = SQL("{} NOT IN ('{{}}', 'null')").format(self._owners.as_jsonb("c", "cmetadata"))
        statement = SQL("SELECT c.uuid::text, c.name, ({}) IS TRUE FROM {} c ORDER BY c.name, c.uuid")
        self._cursor.execute(statement.format(described, self._owners.table.identifier))
        named = [tuple(row) for row in self._cursor.fetchall()]
        dimensions = SQL("{}(r.embedding)").format(Identifier(self._types, "vector_dims"))
        self._cursor.execute(SQL(FACTS).format(dimensions=dimensions, uuid=Value(UUID), rows=self._rows))
        facts: Mapping[str | None, Sequence[Any]] = {row[0]: row[1:] for row in self._cursor.fetchall()}
        self._orphans = int(facts[None][0]) if None in facts else 0
        found = [Collection(uuid, name, marked, *facts.get(uuid, ())) for uuid, name, marked in named]
        if len(found) > 1:
            self._cursor.execute(SQL("CREATE INDEX ON {} (collection_id)").format(self._members.table.identifier))
            analyze.refresh(self._cursor, self._members.table)
        return found

    @property
    def orphans(self) -> int:
        """Rows that are in no collection, known with the collections."""
        return self._orphans

    @staticmethod
    def expect_fitting(collection: Collection) -> None:
        """Raise SchemaMismatch for rows that a table of PGVectorStore can't have."""
        name = collection.name or collection.uuid
        if collection.without_embedding:
            text = say("into_without_embedding", collection=name, rows=collection.without_embedding)
        elif collection.least != collection.most:
            least, most = str(collection.least), str(collection.most)
            text = say("into_dimensions", collection=name, least=least, most=most)
        else:
            return
        raise SchemaMismatch(text, can_retry=False, details={"collection": name})

    def make(self, collection: Collection, schema: str, relation: str) -> Store:
        """Make a collection's table and fill it. Raises SchemaMismatch where a relation of the name is there."""
        started = time.monotonic()
        self._session.enter("load", f"{schema}.{relation}")
        place = Identifier(schema, relation)
        self._expect_free(schema, relation)
        id_type: IdType = "uuid" if collection.of_uuids else "varchar"
        self._create(collection, place, schema, id_type)
        rows = SQL("FROM ({}) r WHERE r.collection_id OPERATOR(pg_catalog.=) {}::pg_catalog.uuid").format(
            self._rows, Value(collection.uuid)
        )
        self._fill(collection, place, id_type, rows)
        self._cursor.execute(SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(place, Identifier(ID)))
        self._cursor.execute("SELECT to_regclass(%s)::oid::bigint", (place.as_string(self._cursor),))
        layout = TableLayout(f"{schema}.{relation}", (ID,), vectors=(VECTOR,), schema=schema)
        table = Table(schema, relation, int(self._cursor.value()), (), layout)
        counts = self._metadata.count(self._cursor, rows)
        return Store(collection, table, id_type, counts, time.monotonic() - started)

    def finish(self, store: Store, found: Sequence[IndexFact], memory: str | None) -> tuple[dict[str, Any], list[str]]:
        """Give a filled table the vector indexes that the old one had; what was made, and what not."""
        self._session.enter("index", store.table.name)
        table, relation = store.table, store.table.relation
        made: dict[str, Any] = {}
        warnings: list[str] = []
        for fact in over_vectors(found, VECTOR, store.collection.dimensions):
            name = vector_store.index_name(relation)
            method = ddl_types.index_method(fact, self._types) if store.collection.dimensions else None
            if method is None or name is None or not ddl.is_free(self._cursor, table.schema, name):
                warnings.append(say("into_index_not_made", index=fact.name, table=table.name))
                continue
            started = time.monotonic()
            statement = SQL("CREATE INDEX {} ON {} {}").format(Identifier(name), table.identifier, method)
            build = partial(self._cursor.execute, statement)
            parallel = index_build.build(self._session, table, fact.method, build, memory)
            made[name] = indexes.result(table, fact.method, started, parallel=parallel)
        analyze.describe_new(self._cursor, table, store.collection.rows)
        return made, warnings

    def _expect_free(self, schema: str, relation: str) -> None:
        if tables.is_system_schema(schema):
            raise SchemaMismatch(
                say("table_unfit", table=f"{schema}.{relation}", reason=say("is_a_system_table")), can_retry=False
            )
        if not ddl.is_free(self._cursor, schema, relation):
            name = f"{schema}.{relation}"
            raise SchemaMismatch(say("into_table_taken", table=name), can_retry=False, details={"table": name})

    def _create(self, collection: Collection, place: Identifier, schema: str, id_type: str) -> None:
        ddl.create_schema(self._cursor, schema)
        columns = [SQL(", {} {}").format(Identifier(one.name), one.type.sql) for one in self._metadata.columns]
        statement = SQL(MADE).format(
            table=place,
            id=Identifier(ID),
            id_type=Identifier("pg_catalog", id_type),
            content=Identifier(CONTENT),
            embedding=Identifier(VECTOR),
            vector=vector_type(self._types, collection.dimensions),
            columns=SQL("").join(columns),
            metadata=Identifier(METADATA),
        )
        try:
            self._cursor.execute(statement)
        except InsufficientPrivilege:
            text = say("schema_privilege_lacking", schema=schema, privilege="CREATE")
            details = {"schema": schema, "privileges": ["CREATE"]}
            raise PermissionDenied(text, can_retry=False, details=details) from None

    def _fill(self, collection: Collection, place: Identifier, id_type: str, rows: Composable) -> None:
        columns = [SQL("{}, ").format(self._metadata.value(one)) for one in self._metadata.columns]
        names = [ID, CONTENT, VECTOR, *(one.name for one in self._metadata.columns), METADATA]
        self._cursor.execute(
            SQL(FILLED).format(
                table=place,
                names=SQL(", ").join(map(Identifier, names)),
                id_type=Identifier("pg_catalog", id_type),
                vector=vector_type(self._types, collection.dimensions),
                columns=SQL("").join(columns),
                rest=SQL("({})").format(self._metadata.rest()),
                rows=rows,
            )
        )
        if self._cursor.rowcount != collection.rows:
            details = {"expected": collection.rows, "found": self._cursor.rowcount}
            raise InternalError(
                say("restore_row_count_differs", table=collection.name or collection.uuid), details=details
            )

    def _as_rows(self) -> Composed:
        """The staged embeddings as r: id, collection_id, embedding, document, meta."""
        members, table = self._members, self._members.table.identifier
        column = members.table.column(VECTOR)
        if column is None or column.type not in ("vector", "halfvec"):
            type_ = column.type if column else "-"
            text = say("column_type_not_made", table=members.table.name, column=VECTOR, type=type_)
            raise SchemaMismatch(text, can_retry=False, details={"table": members.table.name, "column": VECTOR})
        own, joined = self._id()
        document = Identifier("e", "document") if members.has("document") else SQL("NULL::pg_catalog.text")
        template = (
            "SELECT {id}::pg_catalog.text AS id, e.collection_id, e.embedding, {document} AS document, {meta} AS meta"
            " FROM {table} e{joined}"
        )
        meta = members.as_jsonb("e", "cmetadata")
        return SQL(template).format(id=own, document=document, meta=meta, table=table, joined=joined)

    def _id(self) -> tuple[Composable, Composable]:
        """Of an older shape as a restore of it makes ids: the preferred one where no other row of the file has it."""
        key, preferred, fallback = self._conversion.key, self._conversion.preferred, self._conversion.fallback
        if self._members.has(key):
            return Identifier("e", key), SQL("")
        if not self._members.has(preferred):
            return Identifier("e", fallback), SQL("")
        shared, names = Identifier("pg_temp", SHARED), {"preferred": Identifier(preferred)}
        with creating():
            self._cursor.execute(
                SQL(
                    "DROP TABLE IF EXISTS {shared}; CREATE TEMPORARY TABLE {name} ON COMMIT DROP AS"
                    " SELECT {preferred} FROM {table} GROUP BY 1"
                    " HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1"
                ).format(shared=shared, name=Identifier(SHARED), table=self._members.table.identifier, **names)
            )
        own = SQL(
            "CASE WHEN e.{preferred} OPERATOR(pg_catalog.<>) '' AND d.{preferred} IS NULL THEN e.{preferred}"
            " ELSE e.{fallback}::pg_catalog.text END"
        ).format(fallback=Identifier(fallback), **names)
        joined = SQL(" LEFT JOIN {shared} d ON d.{preferred} OPERATOR(pg_catalog.=) e.{preferred}")
        return own, joined.format(shared=shared, **names)


def vector_type(schema: str, dimensions: int | None) -> Composed:
    """vector(n), or vector of any dimensions."""
    brackets = SQL(f"({dimensions})") if dimensions else SQL("")
    return SQL("{}{}").format(Identifier(schema, "vector"), brackets)


def over_vectors(facts: Sequence[IndexFact], column: str, dimensions: int | None) -> list[IndexFact]:
    """The vector indexes among those of a table, over a column of these dimensions; one of halfvec is over a cast."""
    found = []
    for fact in facts:
        if fact.method in ("hnsw", "ivfflat"):
            half = any(name.startswith("halfvec") for name in fact.operator_classes)
            cast = [CastFact(column=column, type="halfvec", dimensions=dimensions or 0)] if half else []
            found.append(fact.model_copy(update={"keys": ["expression" if half else column], "casts": cast}))
    return found
