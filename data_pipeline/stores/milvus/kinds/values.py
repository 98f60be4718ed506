"""Values in the protocol's messages: numbers without a Python object each, and where NULL stands.

FieldData marks NULL in `valid_data`; its values are then those of the valid rows only, or, as milvus-lite sends them,
of all rows with something in the place of NULL. What is written has the first form.
"""

import json
import struct
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from data_pipeline.stores.milvus.protocol import arrow

Array: TypeAlias = Any
FieldData: TypeAlias = Any
FieldSchema: TypeAlias = Any
FLOAT = np.dtype("<f4")


def dimensions(field: FieldSchema) -> int:
    """What a vector field's type says."""
    return int(next((one.value for one in field.type_params if one.key == "dim"), 0))


def canonical(text: str) -> bytes:
    """A JSON text as the same document always has it."""
    return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def unpacked(message: Any, dtype: Any) -> Any:
    """The numbers of a FloatArray or DoubleArray, without a Python float each: field 1 is packed, so behind a tag and
    a length its bytes are the numbers."""
    content = message.SerializeToString()
    if not content:
        return np.empty(0, dtype)
    position = 1
    while content[position] >= 0x80:
        position += 1
    return np.frombuffer(content, dtype, offset=position + 1)


def packed(message: Any, values: Any) -> Any:
    """The reverse."""
    content = values.tobytes()
    return message.FromString(b"\x0a" + _varint(len(content)) + content) if content else message()


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def nulls(data: FieldData) -> Any:
    """Where NULL stands, None for nowhere."""
    return ~np.array(list(data.valid_data), bool) if data.valid_data else None


def spread(values: Any, data: FieldData, rows: int, arrow_type: Any) -> Array:
    return arrow().array(all_rows(values, data, rows), arrow_type, mask=nulls(data))


def all_rows(values: Any, data: FieldData, rows: int) -> Any:
    """A value for each row, zero in the place of NULL."""
    missing = nulls(data)
    if missing is None or len(values) == rows:
        return values
    found = np.zeros((rows, *values.shape[1:]), values.dtype)
    found[~missing] = values
    return found


def placed(values: Sequence[Any], data: FieldData, rows: int) -> list[Any]:
    """The values by row, None for NULL."""
    if not data.valid_data:
        return list(values)
    if len(values) == rows:
        return [value if valid else None for value, valid in zip(values, data.valid_data, strict=True)]
    waiting = iter(values)
    return [next(waiting) if valid else None for valid in data.valid_data]


def list_array(values: Any, missing: Any, arrow_type: Any) -> Array:
    pa = arrow()
    mask = None if missing is None else pa.array(missing, pa.bool_())
    return pa.FixedSizeListArray.from_arrays(pa.array(values, pa.float32()), type=arrow_type, mask=mask)


def elements(value: Any) -> list[Any]:
    """The elements of one row's ScalarField; an empty one may have no slot at all."""
    slot = value.WhichOneof("data")
    return list(getattr(value, slot).data) if slot else []


def values(array: Array, dtype: Any) -> Any:
    """A number for each row; in the place of NULL any. Arrow's own to_numpy() would import pandas."""
    return np.frombuffer(array.buffers()[1], dtype, count=len(array), offset=array.offset * dtype.itemsize)


def floats(array: Array) -> Any:
    """The floats of an array of vectors, all in a row; in the place of NULL any."""
    width = array.type.list_size
    return values(array.values.slice(array.offset * width, len(array) * width), FLOAT)


def present(array: Array, dtype: Any) -> Any:
    return values(array.drop_null() if array.null_count else array, dtype)


def fixed_cells(array: Array, content: bytes, width: int) -> list[bytes | None]:
    cells: list[bytes | None] = [content[start : start + width] for start in range(0, len(content), width)]
    if array.null_count:
        for place, valid in enumerate(array.is_valid().to_pylist()):
            if not valid:
                cells[place] = None
    return cells


def exact_list(values: Sequence[Any]) -> bytes:
    """Floats by their bits, texts with their length."""
    parts = []
    for value in values:
        part = struct.pack("<d", value) if isinstance(value, float) else str(value).encode()
        parts.append(len(part).to_bytes(4, "little") + part)
    return b"".join(parts)
