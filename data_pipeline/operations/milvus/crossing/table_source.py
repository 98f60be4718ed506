"""A set of PostgreSQL tables as collections of Milvus.

LangChain's collections, and tables of PGVectorStore, become what LangChain's Milvus class reads by its defaults: fields
pk, text and vector, and the metadata as dynamic fields. Any other table becomes a collection with a field a column.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from common.errors import InvalidBackup, SchemaMismatch
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.layouts import tables as any_tables
from data_pipeline.layouts import vector_store
from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.operations.milvus.crossing import to_milvus
from data_pipeline.operations.milvus.crossing.table_rows import PK, TEXT, VECTOR, Columns, Documents, Roles
from data_pipeline.operations.milvus.crossing.table_values import columns_of
from data_pipeline.operations.milvus.crossing.to_milvus import Value
from data_pipeline.operations.milvus.crossing.unfit import NoCounterpart
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.manifest import Manifest
from data_pipeline.sets.tables.table_facts import IndexFact as TableIndex
from data_pipeline.sets.tables.table_facts import TableFact
from data_pipeline.stores.milvus import kinds
from data_pipeline.stores.milvus.facts import DEFAULT_PARTITION, CollectionFact, IndexFact, MilvusFacts, PartitionFact
from data_pipeline.stores.milvus.facts import described as schema_document
from data_pipeline.stores.milvus.protocol import arrow, protocol
from data_pipeline.stores.milvus.table import RowShape

UNFIT = re.compile(r"[^A-Za-z0-9_]")
NO_DIGEST = "0" * 32
"""Of rows that weren't in Milvus yet: they are counted while they are written."""

METRICS = {"cosine": "COSINE", "l2": "L2", "ip": "IP"}
DEFAULT_METRIC = "COSINE"
"""PGVector's default distance."""


@dataclass(frozen=True)
class Origin:
    """Where a collection's rows are: a file, of which perhaps only the rows of one owner, by its uuid's bytes.

    rows: makes the values of the file's columns into those of the shape's.
    """

    table: str
    owner: bytes | None
    shape: RowShape
    rows: Callable[[Mapping[str, list[Value]]], list[Any]]


class TableSource:
    """The collections of a set of tables. Raises ServiceError for what can't become one."""

    def __init__(self, engine: Engine, backup_set: BackupSet) -> None:
        if backup_set.manifest is None:
            raise InvalidBackup(say("into_milvus_no_manifest"), can_retry=False, details={"reason": "manifest"})
        self.warnings: list[str] = []
        self._engine = engine
        self._set = backup_set
        self._manifest: Manifest = backup_set.manifest
        self._origins: dict[str, Origin] = {}
        self.facts = MilvusFacts(
            server_version="PostgreSQL", database="postgresql", collections=list(self._collections())
        )

    def batches(self, collection: CollectionFact, partition: PartitionFact) -> Iterator[Any]:
        """The rows, a block of the file each time."""
        origin = self._origins[collection.name]
        for columns in columns_of(self._engine, self._set, origin.table, origin.owner):
            if any(columns.values()):
                yield arrow().RecordBatch.from_arrays(origin.rows(columns), schema=origin.shape.arrow)

    def _collections(self) -> Iterator[CollectionFact]:
        if self._set.layout.family == DOCUMENTED.family:
            yield from self._of_owners()
            return
        for name, fact in self._manifest.tables.items():
            yield self._of_table(name, fact)

    # LangChain's collections

    def _of_owners(self) -> Iterator[CollectionFact]:
        member = self._set.layout.owned.member
        fact = self._manifest.tables[member]
        columns = fact.names
        key = next(name for name in ("id", "custom_id", "uuid") if name in columns)
        for one in self._manifest.collections:
            name = called(one.name or f"collection_{one.uuid}")
            if not one.rows:
                self.warnings.append(say("into_milvus_empty", name=one.name or one.uuid))
                continue
            if len(one.dimensions) != 1:
                raise SchemaMismatch(say("into_milvus_dimensions", name=one.name or one.uuid), can_retry=False)
            roles = Roles(key, "uuid" if key == "custom_id" else None, "document", "embedding", "cmetadata", ())
            owner = bytes.fromhex(one.uuid.replace("-", ""))
            yield self._documents(name, member, fact, roles, one.dimensions[0], one.rows, owner)

    def _documents(
        self, name: str, table: str, fact: TableFact, roles: "Roles", dimensions: int, rows: int, owner: bytes | None
    ) -> CollectionFact:
        types = {column.name: column.type for column in fact.columns}
        vector = to_milvus.of(types[roles.embedding])
        schema = protocol().schema.CollectionSchema(name=name, enable_dynamic_field=True)
        text = to_milvus.of("text")
        schema.fields.extend(
            [
                to_milvus.field(TEXT, text),
                to_milvus.field(PK, text, key=True),
                to_milvus.field(VECTOR, vector, dimensions=dimensions),
            ]
        )
        made = Documents(table, roles, types, schema, name)
        shape = RowShape.of(schema)
        self._origins[name] = Origin(table, owner, shape, made.rows)
        self._warn_of(types[roles.embedding], roles.embedding)
        return self._fact(name, schema, [self._index(fact, roles.embedding, VECTOR)], rows)

    # Any tables

    def _of_table(self, table: str, fact: TableFact) -> CollectionFact:
        layout = self._set.layout[table]
        plain = table.removeprefix("public.").replace(".", "_")
        if self._set.layout.family == any_tables.PGVECTORSTORE and (roles := vector_store.roles(layout)):
            found = Roles(roles.id, None, roles.content, roles.embedding, roles.metadata, roles.columns)
            dimensions = next(one.modifier for one in fact.columns if one.name == roles.embedding)
            return self._documents(called(plain), table, fact, found, dimensions, fact.rows, None)
        if not fact.key or len(fact.key) != 1:
            raise SchemaMismatch(say("into_milvus_key", table=table), can_retry=False, details={"table": table})
        return self._columns(called(plain), table, fact, fact.key[0])

    def _columns(self, name: str, table: str, fact: TableFact, key: str) -> CollectionFact:
        schema = protocol().schema.CollectionSchema(name=name)
        vectors, crossings = [], {}
        for column in fact.columns:
            crossing = self._crossing(table, column.name, column.type)
            crossings[column.name] = crossing
            if crossing.code == kinds.FLOAT_VECTOR and column.modifier < 1:
                raise SchemaMismatch(say("into_milvus_dimensions", name=f"{table}.{column.name}"), can_retry=False)
            if crossing.code in kinds.VECTORS:
                vectors.append(column.name)
            is_key = column.name == key
            if is_key and crossing.code not in (kinds.VARCHAR, kinds.INT64):
                crossing = crossings[column.name] = replace(crossing, code=kinds.INT64)
            made = to_milvus.field(
                called(column.name), crossing, dimensions=column.modifier, key=is_key, nullable=not column.not_null
            )
            schema.fields.append(made)
        if not vectors:
            raise SchemaMismatch(say("into_milvus_no_vector", table=table), can_retry=False, details={"table": table})
        shape = RowShape.of(schema)
        self._origins[name] = Origin(table, None, shape, Columns(table, crossings, schema).rows)
        indexes = [self._index(fact, vector, called(vector)) for vector in vectors]
        return self._fact(name, schema, indexes, fact.rows)

    def _crossing(self, table: str, column: str, type_name: str) -> to_milvus.Crossing:
        try:
            found = to_milvus.of(type_name)
        except NoCounterpart:
            text = say("into_milvus_type", table=table, column=column, type=type_name)
            details = {"table": table, "column": column, "type": type_name}
            raise SchemaMismatch(text, can_retry=False, details=details) from None
        self._warn_of(type_name, column)
        return found

    def _warn_of(self, type_name: str, column: str) -> None:
        if told := to_milvus.of(type_name).told:
            self.warnings.append(told(column, type_name))

    def _index(self, fact: TableFact, column: str, field: str) -> IndexFact:
        """Of a vector: the one it had, or what the server chooses."""
        sparse = any(one.name == column and one.type == "sparsevec" for one in fact.columns)
        found = next((one for one in fact.indexes if one.keys[:1] == [column] and one.operator_classes), None)
        params = _sparse_index() if sparse else _carried(found)
        text = say("into_milvus_indexes", index=" ".join(params[name] for name in ("index_type", "metric_type")))
        if text not in self.warnings:
            self.warnings.append(text)
        return IndexFact(field=field, name=field, params=params)

    def _fact(self, name: str, schema: Any, indexes: list[IndexFact], rows: int) -> CollectionFact:
        partition = PartitionFact(name=DEFAULT_PARTITION, file=name, rows=rows, digest=NO_DIGEST)
        return CollectionFact(
            name=name,
            fields=schema_document(schema),
            shards=1,
            consistency=1,  # Session, as LangChain's class makes them
            properties={},
            num_partitions=1,
            aliases=[],
            indexes=indexes,
            partitions=[partition],
        )


def called(name: str) -> str:
    """A name that Milvus takes."""
    found = UNFIT.sub("_", name)
    return found if found[:1].isalpha() or found.startswith("_") else f"_{found}"


def _carried(found: TableIndex | None) -> dict[str, str]:
    """An index of pgvector's as Milvus has it."""
    if found is None:
        return {"index_type": "AUTOINDEX", "metric_type": DEFAULT_METRIC}
    words = found.operator_classes[0].split("_")
    metric = next((METRICS[word] for word in words if word in METRICS), DEFAULT_METRIC)
    if found.method == "ivfflat":
        inner = {"nlist": int(found.options.get("lists", "100"))}
        return {"index_type": "IVF_FLAT", "metric_type": metric, "params": json.dumps(inner)}
    inner = {"M": int(found.options.get("m", "16")), "efConstruction": int(found.options.get("ef_construction", "64"))}
    return {"index_type": "HNSW", "metric_type": metric, "params": json.dumps(inner)}


def _sparse_index() -> dict[str, str]:
    return {"index_type": "SPARSE_INVERTED_INDEX", "metric_type": "IP"}
