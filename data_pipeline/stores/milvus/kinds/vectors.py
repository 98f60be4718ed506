"""Vectors."""

from typing import Any

import numpy as np
from typing_extensions import override

import data_pipeline.stores.milvus.kinds.values as values
from data_pipeline.stores.milvus.kinds.kind import Kind
from data_pipeline.stores.milvus.kinds.values import FLOAT, Array, FieldData, FieldSchema
from data_pipeline.stores.milvus.protocol import arrow, protocol

PAIR = np.dtype([("index", "<u4"), ("value", "<f4")])
"""Of a sparse vector."""


class FloatVectors(Kind):
    """FLOAT_VECTOR: `dim` floats of 32 bits."""

    @override
    def type(self, field: FieldSchema) -> Any:
        return arrow().list_(arrow().field("item", arrow().float32(), nullable=False), values.dimensions(field))

    @override
    def read(self, data: FieldData, field: FieldSchema, rows: int) -> Array:
        size = values.dimensions(field)
        parts = values.unpacked(data.vectors.float_vector, FLOAT)
        if data.valid_data:
            parts = values.all_rows(parts.reshape(-1, size), data, rows).reshape(-1)
        return values.list_array(parts, values.nulls(data), self.type(field))

    @override
    def write(self, array: Array, data: FieldData, field: FieldSchema) -> None:
        data.vectors.dim = values.dimensions(field)
        parts = values.values(array.flatten(), FLOAT)  # of the valid rows
        data.vectors.float_vector.CopyFrom(values.packed(protocol().schema.FloatArray, parts))

    @override
    def cells(self, array: Array) -> list[bytes | None]:
        return values.fixed_cells(array, values.floats(array).tobytes(), 4 * array.type.list_size)


class ByteVectors(Kind):
    """Vectors that are sent as bytes, `width` bits a dimension."""

    untried = True

    def __init__(self, code: int, name: str, slot: str, width: int) -> None:
        super().__init__(code, name)
        self._slot, self._width = slot, width

    @override
    def type(self, field: FieldSchema) -> Any:
        return arrow().binary(values.dimensions(field) * self._width // 8)

    @override
    def read(self, data: FieldData, field: FieldSchema, rows: int) -> Array:
        content, width = getattr(data.vectors, self._slot), self.type(field).byte_width
        parts = [content[start : start + width] for start in range(0, len(content), width)]
        return arrow().array(values.placed(parts, data, rows), self.type(field))

    @override
    def write(self, array: Array, data: FieldData, field: FieldSchema) -> None:
        data.vectors.dim = values.dimensions(field)
        setattr(data.vectors, self._slot, b"".join(array.drop_null().to_pylist()))

    @override
    def cells(self, array: Array) -> list[bytes | None]:
        return list(array.to_pylist())


class SparseVectors(Kind):
    """SPARSE_FLOAT_VECTOR: pairs of a position and a float of 32 bits, as the protocol has them."""

    @override
    def type(self, field: FieldSchema) -> Any:
        return arrow().binary()

    @override
    def read(self, data: FieldData, field: FieldSchema, rows: int) -> Array:
        contents = list(data.vectors.sparse_float_vector.contents)
        return arrow().array(values.placed(contents, data, rows), self.type(field))

    @override
    def write(self, array: Array, data: FieldData, field: FieldSchema) -> None:
        contents = array.drop_null().to_pylist()
        largest = max((int(np.frombuffer(one, PAIR)["index"].max()) + 1 for one in contents if one), default=0)
        data.vectors.dim = largest
        data.vectors.sparse_float_vector.dim = largest
        data.vectors.sparse_float_vector.contents.extend(contents)

    @override
    def cells(self, array: Array) -> list[bytes | None]:
        return [
            None if one is None else np.sort(np.frombuffer(one, PAIR), order="index").tobytes()
            for one in array.to_pylist()
        ]
