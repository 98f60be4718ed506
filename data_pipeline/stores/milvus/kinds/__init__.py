"""The types of Milvus' fields: a value's way between the protocol's FieldData and an Arrow column, to the bit.

No server is asked here. A new type is a line of KINDS, and a class if it is like none that is there.
"""

from data_pipeline.stores.milvus.kinds.kind import Kind, Unsupported
from data_pipeline.stores.milvus.kinds.scalars import SCALARS, SLOTS, Geometry, Json, Lists, Strings
from data_pipeline.stores.milvus.kinds.values import canonical, dimensions, floats
from data_pipeline.stores.milvus.kinds.vectors import PAIR, ByteVectors, FloatVectors, SparseVectors

__all__ = [
    "ARRAY",
    "DYNAMIC",
    "FLOAT_VECTOR",
    "INT64",
    "JSON",
    "KINDS",
    "LARGEST_STRING",
    "PAIR",
    "SLOTS",
    "SPARSE_VECTOR",
    "VARCHAR",
    "VECTORS",
    "Kind",
    "Unsupported",
    "canonical",
    "dimensions",
    "floats",
    "kind",
]

DYNAMIC = "$meta"
"""The field that has the keys of a row which the schema doesn't name."""

LARGEST_STRING = 65535
"""Bytes of a VARCHAR."""

KINDS: dict[int, Kind] = {
    one.code: one
    for one in (
        *SCALARS,
        Lists(22, "Array"),
        Json(23, "JSON"),
        Geometry(24, "Geometry", "geometry_wkt_data"),
        Strings(26, "Timestamptz"),
        ByteVectors(100, "BinaryVector", "binary_vector", 1),
        FloatVectors(101, "FloatVector"),
        ByteVectors(102, "Float16Vector", "float16_vector", 16),
        ByteVectors(103, "BFloat16Vector", "bfloat16_vector", 16),
        SparseVectors(104, "SparseFloatVector"),
        ByteVectors(105, "Int8Vector", "int8_vector", 8),
    )
}
VECTORS = frozenset(code for code in KINDS if code >= 100)
FLOAT_VECTOR, SPARSE_VECTOR, VARCHAR, INT64, JSON, ARRAY = 101, 104, 21, 5, 23, 22


def kind(code: int) -> Kind:
    """Raises Unsupported."""
    found = KINDS.get(code)
    if found is None:
        raise Unsupported(str(code))
    return found
