"""Rows of PostgreSQL tables as rows of collections: as documents of LangChain's Milvus class, or a field a column."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.errors import SchemaMismatch, ServiceError
from common.messages import say
from data_pipeline.operations.milvus.crossing import to_milvus
from data_pipeline.operations.milvus.crossing.to_milvus import Value
from data_pipeline.operations.milvus.crossing.unfit import Unfit
from data_pipeline.stores.milvus.protocol import arrow

PK, TEXT, VECTOR = "pk", "text", "vector"
"""Fields as LangChain's Milvus class calls them by default."""

OWN = frozenset({PK, TEXT, VECTOR})


@dataclass(frozen=True)
class Roles:
    """What columns are for. fallback: of the key, where that is NULL. columns: each a key of the metadata."""

    key: str
    fallback: str | None
    content: str
    embedding: str
    metadata: str | None
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Documents:
    """Rows of documents as LangChain's class has them."""

    table: str
    roles: Roles
    types: Mapping[str, str]
    schema: Any
    name: str

    def rows(self, columns: Mapping[str, list[Value]]) -> list[Any]:
        """In the order of the shape: text, pk, vector, metadata."""
        roles = self.roles
        texts: list[Value] = [value or b"" for value in columns[roles.content]]
        keys = self._column(roles.key, self._keys(columns), to_milvus.of(self.types[roles.key]).read)
        vector = to_milvus.of(self.types[roles.embedding])
        field = next(one for one in self.schema.fields if one.name == VECTOR)
        return [
            self._column(
                roles.content, texts, lambda it: arrow().array(to_milvus.of("text").read(it), arrow().string())
            ),
            arrow().array([str(key) for key in keys], arrow().string()),
            self._column(roles.embedding, columns[roles.embedding], lambda it: to_milvus.array(vector, it, field)),
            arrow().array(self._metadata(columns), arrow().string()),
        ]

    def _keys(self, columns: Mapping[str, list[Value]]) -> list[Value]:
        found = columns[self.roles.key]
        if self.roles.fallback is None:
            return found
        spare = to_milvus.of("uuid").read(columns[self.roles.fallback])
        return [key if key is not None else other.encode() for key, other in zip(found, spare, strict=True)]

    def _column(self, name: str, values: list[Value], read: Callable[[Sequence[Value]], Any]) -> Any:
        try:
            return read(values)
        except Unfit as error:
            raise unfit(self.table, name, error.reason) from None

    def _metadata(self, columns: Mapping[str, list[Value]]) -> list[str]:
        roles = self.roles
        some = columns[roles.metadata] if roles.metadata else [None] * len(columns[roles.key])
        texts = self._column(roles.metadata or "", list(some), to_milvus.of("jsonb").read)
        beside = {name: to_milvus.of(self.types[name]).read(columns[name]) for name in roles.columns}
        found = []
        for place, text in enumerate(texts):
            document = json.loads(text) if text is not None else None
            document = {} if document is None else document
            if not isinstance(document, dict):
                raise unfit(self.table, roles.metadata or "", say("into_milvus_metadata_object"))
            for name, values in beside.items():
                if values[place] is not None:
                    document.setdefault(name, values[place])
            if taken := OWN & document.keys():
                text = say("into_milvus_metadata_key", name=self.name, key=min(taken))
                raise SchemaMismatch(text, can_retry=False, details={"key": min(taken)})
            found.append(json.dumps(document, ensure_ascii=False))
        return found


@dataclass(frozen=True)
class Columns:
    """A field a column."""

    table: str
    crossings: Mapping[str, to_milvus.Crossing]
    schema: Any

    def rows(self, columns: Mapping[str, list[Value]]) -> list[Any]:
        found = []
        for (name, crossing), field in zip(self.crossings.items(), self.schema.fields, strict=True):
            try:
                found.append(to_milvus.array(crossing, columns[name], field))
            except Unfit as error:
                raise unfit(self.table, name, error.reason) from None
        return found


def unfit(table: str, column: str, reason: Any) -> ServiceError:
    """The answer for a value that Milvus can't keep."""
    text = say("into_milvus_value", table=table, column=column, reason=reason)
    return SchemaMismatch(text, can_retry=False, details={"table": table, "column": column, "reason": reason})
