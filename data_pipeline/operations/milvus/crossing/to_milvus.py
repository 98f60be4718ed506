"""PostgreSQL's types as fields of Milvus: each value from the bytes of binary COPY into an Arrow column."""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any
from uuid import UUID

import numpy as np

from common.messages import Message, say
from data_pipeline.operations.milvus.crossing.unfit import NoCounterpart, Unfit
from data_pipeline.stores.milvus import kinds
from data_pipeline.stores.milvus.protocol import arrow, protocol
from data_pipeline.stores.milvus.reader import pairs

Value = bytes | None
LARGEST_JSON = 65536
"""Bytes. Milvus keeps no larger document in a field."""

MOST_ELEMENTS = 4096
"""Of an ARRAY."""

EPOCH = datetime(2000, 1, 1, tzinfo=timezone.utc)
"""PostgreSQL counts microseconds and days from here."""

ENDLESS = {(1 << 63) - 1: "infinity", -(1 << 63): "-infinity"}
ENDLESS_DAYS = {(1 << 31) - 1: "infinity", -(1 << 31): "-infinity"}


@dataclass(frozen=True)
class Crossing:
    """One type. code: of the field. read: the values of a column as what Arrow takes. told: what is worth
    knowing of a column, by its name and type. element: of an ARRAY."""

    code: int
    read: Callable[[Sequence[Value]], Any]
    told: Callable[[str, str], Message] | None = None
    element: int = 0


def field(name: str, crossing: Crossing, *, dimensions: int = 0, key: bool = False, nullable: bool = False) -> Any:
    """The field that a column becomes."""
    made = protocol().schema.FieldSchema(
        name=name, data_type=crossing.code, is_primary_key=key, element_type=crossing.element
    )
    made.nullable = nullable and not key and crossing.code not in kinds.VECTORS
    params: dict[str, Any] = {}
    if kinds.VARCHAR in (crossing.code, crossing.element):
        params["max_length"] = kinds.LARGEST_STRING
    if crossing.code == kinds.ARRAY:
        params["max_capacity"] = MOST_ELEMENTS
    if crossing.code == kinds.FLOAT_VECTOR:
        params["dim"] = dimensions
    made.type_params.extend(pairs(params))
    return made


def array(crossing: Crossing, values: Sequence[Value], made: Any) -> Any:
    """A column as Arrow has it. Raises Unfit."""
    found = crossing.read(values)
    type_ = kinds.kind(crossing.code).type(made)
    if crossing.code != kinds.FLOAT_VECTOR:
        return arrow().array(found, type_)
    width = type_.list_size
    if found.shape[1:] != (width,):
        raise Unfit(say("size_differs"))
    return arrow().FixedSizeListArray.from_arrays(arrow().array(found.reshape(-1), arrow().float32()), type=type_)


def of(type_name: str) -> Crossing:
    """Raises NoCounterpart."""
    found = CROSSINGS.get(type_name)
    if found is None:
        raise NoCounterpart(type_name)
    return found


def tuples(payload: bytes, columns: int) -> list[list[Value]]:
    """The fields of binary COPY's tuples, by column."""
    found: list[list[Value]] = [[] for _ in range(columns)]
    position = 0
    while position < len(payload):
        position += 2
        for column in found:
            size = int.from_bytes(payload[position : position + 4], "big", signed=True)
            position += 4
            if size < 0:
                column.append(None)
            else:
                column.append(payload[position : position + size])
                position += size
    return found


def text(value: bytes) -> str:
    """Raises Unfit for one that is too long."""
    if len(value) > kinds.LARGEST_STRING:
        raise Unfit(say("into_milvus_too_long"))
    return value.decode()


def json_text(value: bytes) -> str:
    """jsonb has its version before it."""
    found = value[1:] if value[:1] == b"\x01" else value
    if len(found) > LARGEST_JSON:
        raise Unfit(say("into_milvus_too_long"))
    return found.decode()


def moment(value: bytes) -> str:
    found = int.from_bytes(value, "big", signed=True)
    return ENDLESS.get(found) or (EPOCH + timedelta(microseconds=found)).isoformat()


def local_moment(value: bytes) -> str:
    found = int.from_bytes(value, "big", signed=True)
    return ENDLESS.get(found) or (EPOCH + timedelta(microseconds=found)).replace(tzinfo=None).isoformat()


def day(value: bytes) -> str:
    found = int.from_bytes(value, "big", signed=True)
    return ENDLESS_DAYS.get(found) or (date(2000, 1, 1) + timedelta(days=found)).isoformat()


def elements(value: bytes, element: Callable[[bytes], Any]) -> list[Any]:
    """An array of one dimension without NULL. Raises Unfit for any other."""
    dimensions, has_null, _ = struct.unpack_from(">iiI", value)
    if not dimensions:
        return []
    if dimensions > 1 or has_null:
        raise Unfit(say("into_milvus_array"))
    count = int(struct.unpack_from(">i", value, 12)[0])
    if count > MOST_ELEMENTS:
        raise Unfit(say("into_milvus_too_long"))
    found, position = [], 20
    for _ in range(count):
        size = int.from_bytes(value[position : position + 4], "big", signed=True)
        found.append(element(value[position + 4 : position + 4 + size]))
        position += 4 + size
    return found


def _each(element: Callable[[bytes], Any]) -> Callable[[Sequence[Value]], list[Any]]:
    return lambda values: [None if value is None else element(value) for value in values]


def _arrays(element: Callable[[bytes], Any]) -> Callable[[Sequence[Value]], list[Any]]:
    return _each(lambda value: elements(value, element))


def _present(values: Sequence[Value]) -> Iterator[bytes]:
    for value in values:
        if value is None:
            raise Unfit(say("into_milvus_vector_missing"))
        yield value


def _vectors(dtype: str) -> Callable[[Sequence[Value]], Any]:
    """pgvector sends dimensions and a reserved word, two bytes each, and the elements."""

    def read(values: Sequence[Value]) -> Any:
        parts = [value[4:] for value in _present(values)]
        if len({len(part) for part in parts}) > 1:
            raise Unfit(say("size_differs"))
        found = np.frombuffer(b"".join(parts), dtype).astype("<f4")
        return found.reshape(len(parts), -1) if parts else found.reshape(0, 0)

    return read


def _sparse(values: Sequence[Value]) -> list[bytes]:
    """Dimensions, count, a reserved word, positions from 0, elements."""
    found = []
    for value in _present(values):
        count = int.from_bytes(value[4:8], "big")
        one = np.empty(count, kinds.PAIR)
        one["index"] = np.frombuffer(value, ">u4", count, 12)
        one["value"] = np.frombuffer(value, ">f4", count, 12 + 4 * count)
        found.append(one.tobytes())
    return found


def _integer(value: bytes) -> int:
    return int.from_bytes(value, "big", signed=True)


def _float(value: bytes) -> float:
    return float(struct.unpack(">f" if len(value) == 4 else ">d", value)[0])


def _boolean(value: bytes) -> bool:
    return value == b"\x01"


def _uuid(value: bytes) -> str:
    return str(UUID(bytes=value))


def _as_text(column: str, type_name: str) -> Message:
    return say("into_milvus_as_text", column=column, type=type_name)


def _as_float(column: str, _type_name: str) -> Message:
    return say("into_milvus_as_float", column=column)


_TEXT = Crossing(kinds.VARCHAR, _each(text))
_TEXTS = Crossing(kinds.ARRAY, _arrays(text), element=kinds.VARCHAR)

CROSSINGS: Mapping[str, Crossing] = MappingProxyType(
    {
        "vector": Crossing(kinds.FLOAT_VECTOR, _vectors(">f4")),
        "halfvec": Crossing(kinds.FLOAT_VECTOR, _vectors(">f2"), _as_float),
        "sparsevec": Crossing(kinds.SPARSE_VECTOR, _sparse),
        "text": _TEXT,
        "varchar": _TEXT,
        "bpchar": _TEXT,
        "name": _TEXT,
        "citext": _TEXT,
        "uuid": Crossing(kinds.VARCHAR, _each(_uuid), _as_text),
        "json": Crossing(kinds.JSON, _each(json_text)),
        "jsonb": Crossing(kinds.JSON, _each(json_text)),
        "bool": Crossing(1, _each(_boolean)),
        "int2": Crossing(3, _each(_integer)),
        "int4": Crossing(4, _each(_integer)),
        "int8": Crossing(kinds.INT64, _each(_integer)),
        "float4": Crossing(10, _each(_float)),
        "float8": Crossing(11, _each(_float)),
        "timestamptz": Crossing(kinds.VARCHAR, _each(moment), _as_text),
        "timestamp": Crossing(kinds.VARCHAR, _each(local_moment), _as_text),
        "date": Crossing(kinds.VARCHAR, _each(day), _as_text),
        "_text": _TEXTS,
        "_varchar": _TEXTS,
        "_bool": Crossing(kinds.ARRAY, _arrays(_boolean), element=1),
        "_int2": Crossing(kinds.ARRAY, _arrays(_integer), element=3),
        "_int4": Crossing(kinds.ARRAY, _arrays(_integer), element=4),
        "_int8": Crossing(kinds.ARRAY, _arrays(_integer), element=kinds.INT64),
        "_float4": Crossing(kinds.ARRAY, _arrays(_float), element=10),
        "_float8": Crossing(kinds.ARRAY, _arrays(_float), element=11),
    }
)
