"""What tables the collections of a Milvus become: their columns, and how each row of them is made."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from common.errors import SchemaMismatch
from common.messages import say
from data_pipeline.layouts import vector_store
from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.operations.milvus.backup import shape_of
from data_pipeline.operations.milvus.crossing import from_milvus
from data_pipeline.operations.milvus.crossing.from_milvus import Crossing, Value
from data_pipeline.operations.milvus.crossing.table_rows import TEXT, VECTOR
from data_pipeline.operations.milvus.crossing.unfit import NoCounterpart, Unfit
from data_pipeline.stores.milvus import kinds
from data_pipeline.stores.milvus.facts import CollectionFact
from data_pipeline.stores.milvus.table import Column, RowShape

TEXTS = (TEXT, "page_content", "content", "document")
VECTORS = (VECTOR, "embedding", "embeddings")
DYNAMIC_COLUMN = "dynamic_fields"
OPERATOR_CLASSES = {"COSINE": "vector_cosine_ops", "L2": "vector_l2_ops", "IP": "vector_ip_ops"}
MOST_INDEXED = 2000
"""Dimensions that pgvector's HNSW takes of a vector."""


@dataclass(frozen=True)
class TableColumn:
    """A column of a table."""

    name: str
    type: str
    modifier: int = -1
    not_null: bool = False

    def fact(self) -> dict[str, Any]:
        return {"name": self.name, "type": self.type, "modifier": self.modifier, "not_null": self.not_null}


class Table:
    """One collection as rows of a table. name: the collection's."""

    columns: list[TableColumn]
    key: str

    def __init__(self, fact: CollectionFact, *, untried: bool) -> None:
        self.fact = fact
        self.shape: RowShape = shape_of(fact, untried=untried)
        self.warnings: list[str] = []

    @property
    def name(self) -> str:
        return self.fact.name

    def rows(self, batch: Any) -> list[list[Value]]:
        """The values of each column."""
        raise NotImplementedError

    def index(self, table: str, vector: str, column: str) -> list[dict[str, Any]]:
        """The index of a vector column as a manifest says it; none where pgvector has none for it."""
        found = next((one for one in self.fact.indexes if one.field == vector), None)
        wanted = next((one for one in self.columns if one.name == column), None)
        metric = found.params.get("metric_type", "") if found else ""
        small = wanted is not None and wanted.type == "vector" and 0 < wanted.modifier <= MOST_INDEXED
        if metric not in OPERATOR_CLASSES or not small:
            return []
        return [
            index_fact(vector_store.index_name(table) or f"{table[:50]}_hnsw", "hnsw", column, OPERATOR_CLASSES[metric])
        ]

    def values(self, batch: Any, column: Column, crossing: Crossing) -> list[Value]:
        """One field's. Raises SchemaMismatch for what PostgreSQL can't keep."""
        try:
            return crossing.encode(batch.column(self.shape.arrow.get_field_index(column.name)))
        except Unfit as error:
            text = say("from_milvus_value", collection=self.name, field=column.name, reason=error.reason)
            details = {"collection": self.name, "field": column.name, "reason": error.reason}
            raise SchemaMismatch(text, can_retry=False, details=details) from None

    def crossing(self, column: Column) -> Crossing:
        try:
            return from_milvus.of(column)
        except NoCounterpart:
            text = say("from_milvus_type", collection=self.name, field=column.name, type=column.kind.name)
            details = {"collection": self.name, "field": column.name, "type": column.kind.name}
            raise SchemaMismatch(text, can_retry=False, details=details) from None


class PlainTable(Table):
    """A column a field."""

    def __init__(self, fact: CollectionFact, *, untried: bool) -> None:
        super().__init__(fact, untried=untried)
        self._crossings = [(one, self.crossing(one)) for one in self.shape.columns]
        self.key = self.shape.key.name
        self.columns = [
            TableColumn(self._called(one), crossing.type, crossing.modifier, one.name == self.key)
            for one, crossing in self._crossings
        ]
        if any(one.name == kinds.DYNAMIC for one in self.shape.columns):
            self.warnings.append(say("from_milvus_dynamic", collection=fact.name, column=DYNAMIC_COLUMN))

    def rows(self, batch: Any) -> list[list[Value]]:
        return [self.values(batch, column, crossing) for column, crossing in self._crossings]

    @staticmethod
    def _called(column: Column) -> str:
        return DYNAMIC_COLUMN if column.name == kinds.DYNAMIC else column.name


class Documents(Table):
    """A collection of documents: a key, a text, a vector, and all else as metadata."""

    def __init__(self, fact: CollectionFact, *, untried: bool) -> None:
        super().__init__(fact, untried=untried)
        others = [one for one in self.shape.columns if one is not self.shape.key]
        text, vector = _role(others, kinds.VARCHAR, TEXTS), _role(others, kinds.FLOAT_VECTOR, VECTORS)
        if text is None or vector is None:
            refusal = say("from_milvus_shape", collection=fact.name)
            raise SchemaMismatch(refusal, can_retry=False, details={"collection": fact.name})
        self.text, self.vector = text, vector
        self.metadata = [one for one in others if one not in (self.text, self.vector)]
        for one in self.metadata:
            if one.kind.code in kinds.VECTORS:  # a document has no place for a second one
                refusal = say("from_milvus_type", collection=self.name, field=one.name, type=one.kind.name)
                raise SchemaMismatch(refusal, can_retry=False, details={"collection": self.name, "field": one.name})

    def texts_of(self, batch: Any) -> tuple[list[Value], list[Value], list[Value], list[Value]]:
        """Keys as text, texts, vectors, metadata as JSON without a version."""
        keys = [str(key).encode() for key in self._list(batch, self.shape.key)]
        texts = self.values(batch, self.text, self.crossing(self.text))
        vectors = self.values(batch, self.vector, self.crossing(self.vector))
        return [*keys], texts, vectors, [*self._metadata(batch)]

    def _metadata(self, batch: Any) -> list[bytes]:
        columns = {one.name: self._list(batch, one) for one in self.metadata}
        codes = {one.name: one.kind.code for one in self.metadata}
        found = []
        for place in range(len(batch)):
            document: dict[str, Any] = {}
            for name, values in columns.items():
                value = values[place]
                if value is not None and codes[name] == kinds.JSON:
                    value = json.loads(value)
                if name == kinds.DYNAMIC or (name == "metadata" and isinstance(value, dict)):
                    document.update(value or {})
                elif value is not None:
                    document[name] = value
            found.append(json.dumps(document, ensure_ascii=False).encode())
        return found

    def _list(self, batch: Any, column: Column) -> list[Any]:
        values = batch.column(self.shape.arrow.get_field_index(column.name))
        if column.kind.code == 10:  # the shortest text of 32 bits
            return [None if one is None else float(str(np.float32(one))) for one in values.to_pylist()]
        return list(values.to_pylist())


class StoreTable(Documents):
    """As a table of PGVectorStore."""

    def __init__(self, fact: CollectionFact, *, untried: bool) -> None:
        super().__init__(fact, untried=untried)
        self.key = vector_store.ID
        self.columns = [
            TableColumn(vector_store.ID, "text", not_null=True),
            TableColumn(vector_store.CONTENT, "text", not_null=True),
            TableColumn(vector_store.VECTOR, "vector", kinds.dimensions(self.vector.field), not_null=True),
            TableColumn(vector_store.METADATA, "json"),
        ]

    def rows(self, batch: Any) -> list[list[Value]]:
        keys, texts, vectors, metadata = self.texts_of(batch)
        return [keys, [one or b"" for one in texts], vectors, metadata]


class MemberRows(Documents):
    """As the rows of one of LangChain's collections."""

    def __init__(self, fact: CollectionFact, *, untried: bool) -> None:
        super().__init__(fact, untried=untried)
        self.uuid = uuid.uuid5(uuid.NAMESPACE_URL, f"milvus:{fact.name}")
        member = DOCUMENTED[DOCUMENTED.owned.member]
        self.key = member.key[0]
        self.columns = [TableColumn(one.name, one.type, -1, one.not_null) for one in member.columns]

    def rows(self, batch: Any) -> list[list[Value]]:
        keys, texts, vectors, metadata = self.texts_of(batch)
        member = DOCUMENTED[DOCUMENTED.owned.member]
        by_name: dict[str, list[Value]] = {
            self.key: keys,
            member.owner_column or "": [self.uuid.bytes] * len(batch),
            member.vectors[0]: vectors,
            "document": texts,
            "cmetadata": [b"\x01" + (one or b"{}") for one in metadata],
        }
        return [by_name[one.name] for one in self.columns]


KINDS: Mapping[str, type[Table]] = MappingProxyType(
    {"tables": PlainTable, "pgvectorstore": StoreTable, "langchain": MemberRows}
)
"""By the layout of what a collection becomes."""


def index_fact(name: str, method: str, column: str, operator_class: str, *, primary: bool = False) -> dict[str, Any]:
    """As a manifest has it."""
    return {
        "name": name,
        "method": method,
        "unique": primary,
        "primary": primary,
        "keys": [column],
        "operator_classes": [operator_class],
        "options": {},
        "partial": False,
    }


def _role(columns: Sequence[Column], code: int, preferred: Sequence[str]) -> Column | None:
    """The column of a type that is called so, or the only one of it."""
    found = [one for one in columns if one.kind.code == code]
    named = sorted((one for one in found if one.name in preferred), key=lambda one: preferred.index(one.name))
    return named[0] if named else found[0] if len(found) == 1 else None
