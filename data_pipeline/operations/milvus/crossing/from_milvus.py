"""Milvus' types as columns of PostgreSQL: each value of an Arrow column as binary COPY has it."""

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np

from common.messages import say
from data_pipeline.operations.milvus.crossing.to_milvus import EPOCH
from data_pipeline.operations.milvus.crossing.unfit import NoCounterpart, Unfit
from data_pipeline.stores.milvus import kinds
from data_pipeline.stores.milvus.table import Column

Value = bytes | None
NULL = b"\xff\xff\xff\xff"
ELEMENTS = {
    1: ("bool", 16),
    2: ("int2", 21),
    3: ("int2", 21),
    4: ("int4", 23),
    5: ("int8", 20),
    10: ("float4", 700),
    11: ("float8", 701),
    21: ("text", 25),
}
"""Of an ARRAY: PostgreSQL's type of an element, and its oid."""


@dataclass(frozen=True)
class Crossing:
    """One field. type: PostgreSQL's. modifier: as pg_attribute has it. encode: makes an array's values into COPY's."""

    type: str
    modifier: int
    encode: Callable[[Any], list[Value]]


def of(column: Column) -> Crossing:
    """Raises NoCounterpart."""
    code, field = column.kind.code, column.field
    if code in _SCALARS:
        type_name, element = _SCALARS[code]
        return Crossing(type_name, -1, _each(element))
    if code == kinds.ARRAY:
        element_type, oid = ELEMENTS[field.element_type]
        inner = _SCALARS[field.element_type][1]
        return Crossing(f"_{element_type}", -1, _each(lambda value: array(value, oid, inner)))
    if code == kinds.FLOAT_VECTOR:
        return Crossing("vector", kinds.dimensions(field), vectors)
    if code == 102:
        return Crossing("halfvec", kinds.dimensions(field), lambda values: _packed_vectors(values, "<f2", ">f2"))
    if code == kinds.SPARSE_VECTOR:
        return Crossing("sparsevec", -1, _each(sparse))
    raise NoCounterpart(column.kind.name)


def vectors(values: Any) -> list[Value]:
    """As pgvector receives them. Raises Unfit for a value that it refuses."""
    width = values.type.list_size
    found = kinds.floats(values)
    if not np.isfinite(found).all():
        raise Unfit(say("from_milvus_nan"))
    head = struct.pack(">HH", width, 0)
    content = found.astype(">f4").tobytes()
    rows = (content[start : start + 4 * width] for start in range(0, len(content), 4 * width))
    return [head + row if valid else None for row, valid in zip(rows, values.is_valid().to_pylist(), strict=True)]


def text(value: str) -> bytes:
    if "\0" in value:
        raise Unfit(say("from_milvus_nul"))
    return value.encode()


def jsonb(value: str) -> bytes:
    """Its version, then the text."""
    if "\\u0000" in value and "\\u0000" in json.dumps(json.loads(value)):
        raise Unfit(say("from_milvus_nul"))
    return b"\x01" + value.encode()


def array(values: Sequence[Any], oid: int, element: Callable[[Any], bytes]) -> bytes:
    if not values:
        return struct.pack(">iiI", 0, 0, oid)
    parts = [struct.pack(">iiIii", 1, 0, oid, len(values), 1)]
    for value in values:
        part = element(value)
        parts.append(len(part).to_bytes(4, "big") + part)
    return b"".join(parts)


def sparse(value: bytes) -> bytes:
    """With as many dimensions as the largest position needs."""
    pairs = np.sort(np.frombuffer(value, kinds.PAIR), order="index")
    pairs = pairs[pairs["value"] != 0]
    if not np.isfinite(pairs["value"]).all():
        raise Unfit(say("from_milvus_nan"))
    dimensions = int(pairs["index"][-1]) + 1 if len(pairs) else 1
    head = struct.pack(">iii", dimensions, len(pairs), 0)
    return bytes(head + pairs["index"].astype(">i4").tobytes() + pairs["value"].astype(">f4").tobytes())


def moment(value: str) -> bytes:
    """Microseconds since 2000."""
    found = datetime.fromisoformat(value.replace("Z", "+00:00"))
    found = found if found.tzinfo else found.replace(tzinfo=timezone.utc)
    return struct.pack(">q", (found - EPOCH) // timedelta(microseconds=1))


def tuples(columns: Sequence[list[Value]]) -> list[bytes]:
    """Rows of binary COPY, without header and trailer."""
    count = len(columns).to_bytes(2, "big")
    sized = [[NULL if one is None else len(one).to_bytes(4, "big") + one for one in column] for column in columns]
    return [b"".join((count, *row)) for row in zip(*sized, strict=True)]


def _each(element: Callable[[Any], bytes]) -> Callable[[Any], list[Value]]:
    return lambda values: [None if value is None else element(value) for value in values.to_pylist()]


def _packed_vectors(values: Any, dtype: str, sent: str) -> list[Value]:
    found: list[Value] = []
    for value in values.to_pylist():
        numbers = None if value is None else np.frombuffer(value, dtype)
        if numbers is not None and not np.isfinite(numbers).all():
            raise Unfit(say("from_milvus_nan"))
        found.append(None if numbers is None else struct.pack(">HH", len(numbers), 0) + numbers.astype(sent).tobytes())
    return found


_SCALARS: dict[int, tuple[str, Callable[[Any], bytes]]] = {
    1: ("bool", lambda value: b"\x01" if value else b"\0"),
    2: ("int2", lambda value: struct.pack(">h", value)),
    3: ("int2", lambda value: struct.pack(">h", value)),
    4: ("int4", lambda value: struct.pack(">i", value)),
    kinds.INT64: ("int8", lambda value: struct.pack(">q", value)),
    10: ("float4", lambda value: struct.pack(">f", value)),
    11: ("float8", lambda value: struct.pack(">d", value)),
    kinds.VARCHAR: ("text", text),
    kinds.JSON: ("jsonb", jsonb),
    24: ("text", text),
    26: ("timestamptz", moment),
}
