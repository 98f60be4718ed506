"""Scalars, texts, JSON and arrays."""

from typing import Any

import numpy as np
from typing_extensions import override

import data_pipeline.stores.milvus.kinds.values as values
from data_pipeline.stores.milvus.kinds.kind import Kind
from data_pipeline.stores.milvus.kinds.values import Array, FieldData, FieldSchema
from data_pipeline.stores.milvus.protocol import arrow, protocol

SLOTS = {
    1: "bool_data",
    2: "int_data",
    3: "int_data",
    4: "int_data",
    5: "long_data",
    10: "float_data",
    11: "double_data",
    21: "string_data",
}
"""Where the elements of an ARRAY stand, by their type."""


class Packed(Kind):
    """Numbers of a fixed width that the protocol packs as they are: bits stay what they are, NaN and -0 too."""

    def __init__(self, code: int, name: str, slot: str, dtype: str, message: str) -> None:
        super().__init__(code, name)
        self._slot, self._dtype, self._message = slot, np.dtype(dtype), message

    @override
    def type(self, field: FieldSchema) -> Any:
        return arrow().from_numpy_dtype(self._dtype)

    @override
    def read(self, data: FieldData, field: FieldSchema, rows: int) -> Array:
        parts = values.unpacked(getattr(data.scalars, self._slot), self._dtype)
        return values.spread(parts, data, rows, self.type(field))

    @override
    def write(self, array: Array, data: FieldData, field: FieldSchema) -> None:
        made = values.packed(getattr(protocol().schema, self._message), values.present(array, self._dtype))
        getattr(data.scalars, self._slot).CopyFrom(made)

    @override
    def cells(self, array: Array) -> list[bytes | None]:
        return values.fixed_cells(array, values.values(array, self._dtype).tobytes(), self._dtype.itemsize)


class Integers(Kind):
    """Whole numbers and booleans, which the protocol writes in varying width."""

    def __init__(self, code: int, name: str, slot: str, dtype: str) -> None:
        super().__init__(code, name)
        self._slot, self._dtype = slot, np.dtype(dtype)

    @override
    def type(self, field: FieldSchema) -> Any:
        return arrow().from_numpy_dtype(self._dtype)

    @override
    def read(self, data: FieldData, field: FieldSchema, rows: int) -> Array:
        parts = np.array(list(getattr(data.scalars, self._slot).data), self._dtype)
        return values.spread(parts, data, rows, self.type(field))

    @override
    def write(self, array: Array, data: FieldData, field: FieldSchema) -> None:
        getattr(data.scalars, self._slot).data.extend(array.drop_null().to_pylist())

    @override
    def cells(self, array: Array) -> list[bytes | None]:
        return [None if value is None else b"%d" % value for value in array.to_pylist()]


class Strings(Kind):
    """Texts: VARCHAR, and what is sent as text."""

    def __init__(self, code: int, name: str, slot: str = "string_data") -> None:
        super().__init__(code, name)
        self._slot = slot

    @override
    def type(self, field: FieldSchema) -> Any:
        return arrow().string()

    @override
    def read(self, data: FieldData, field: FieldSchema, rows: int) -> Array:
        found = data.scalars
        slot = self._slot if found.HasField(self._slot) else "string_data"
        return arrow().array(values.placed(list(getattr(found, slot).data), data, rows), self.type(field))

    @override
    def write(self, array: Array, data: FieldData, field: FieldSchema) -> None:
        data.scalars.string_data.data.extend(array.drop_null().to_pylist())

    @override
    def cells(self, array: Array) -> list[bytes | None]:
        return [None if value is None else value.encode() for value in array.to_pylist()]


class Geometry(Strings):
    """WKT."""

    @override
    def write(self, array: Array, data: FieldData, field: FieldSchema) -> None:
        data.scalars.geometry_wkt_data.data.extend(array.drop_null().to_pylist())


class Json(Kind):
    """A JSON document as text. Two texts of one document are one value: key order and spaces mean nothing."""

    @override
    def type(self, field: FieldSchema) -> Any:
        return arrow().string()

    @override
    def read(self, data: FieldData, field: FieldSchema, rows: int) -> Array:
        texts = [value.decode() for value in data.scalars.json_data.data]
        return arrow().array(values.placed(texts, data, rows), self.type(field))

    @override
    def write(self, array: Array, data: FieldData, field: FieldSchema) -> None:
        data.scalars.json_data.data.extend(value.encode() for value in array.drop_null().to_pylist())

    @override
    def cells(self, array: Array) -> list[bytes | None]:
        return [None if value is None else values.canonical(value) for value in array.to_pylist()]


SCALARS: tuple[Kind, ...] = (
    Integers(1, "Bool", "bool_data", "bool"),
    Integers(2, "Int8", "int_data", "i1"),
    Integers(3, "Int16", "int_data", "i2"),
    Integers(4, "Int32", "int_data", "i4"),
    Integers(5, "Int64", "long_data", "i8"),
    Packed(10, "Float", "float_data", "<f4", "FloatArray"),
    Packed(11, "Double", "double_data", "<f8", "DoubleArray"),
    Strings(21, "VarChar"),
)
"""What an ARRAY may have as elements."""


class Lists(Kind):
    """ARRAY: several values of one scalar type in a row."""

    @override
    def type(self, field: FieldSchema) -> Any:
        element = next(one for one in SCALARS if one.code == field.element_type)
        return arrow().list_(element.type(field))

    @override
    def read(self, data: FieldData, field: FieldSchema, rows: int) -> Array:
        parts = [values.elements(one) for one in data.scalars.array_data.data]
        return arrow().array(values.placed(parts, data, rows), self.type(field))

    @override
    def write(self, array: Array, data: FieldData, field: FieldSchema) -> None:
        made = data.scalars.array_data
        made.element_type = field.element_type
        slot = SLOTS[field.element_type]
        for value in array.drop_null().to_pylist():
            one = made.data.add()
            getattr(one, slot).SetInParent()
            getattr(one, slot).data.extend(value)

    @override
    def cells(self, array: Array) -> list[bytes | None]:
        return [None if value is None else values.exact_list(value) for value in array.to_pylist()]
