"""Values of every type of Milvus: to the protocol's messages and back, to the bit; and what makes two of them one."""

import math
import struct
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("pymilvus")

from common.errors import SchemaMismatch
from data_pipeline.operations.milvus.backup import shape_of
from data_pipeline.stores.milvus import kinds
from data_pipeline.stores.milvus.digest import Sum
from data_pipeline.stores.milvus.kinds import values
from data_pipeline.stores.milvus.protocol import arrow, protocol
from data_pipeline.stores.milvus.table import RowShape

DIMENSIONS = 16
FLOATS = [math.nan, -0.0, 1e-45, 0.1, math.inf, *[1.0] * 11]
UNTRIED = (100, 102, 103, 105)
VALUES: dict[int, list[Any]] = {
    1: [True, None, False],
    2: [-128, None, 127],
    3: [-32768, None, 32767],
    4: [-(1 << 31), None, (1 << 31) - 1],
    5: [-(1 << 63), None, (1 << 63) - 1],
    10: [-0.0, None, 1.401298464324817e-45],
    11: [0.1, None, -0.0],
    21: ["", None, "深\n"],
    22: [[1, -2], None, []],
    23: ['{"b": 1, "a": [1.0]}', None, "[]"],
    24: ["POINT (1 2)", None, "POINT (3 4)"],
    26: ["2025-01-01T00:00:00Z", None, "2025-01-01T08:00:00+08:00"],
    100: [b"\x01\x80", b"\x00\x00", b"\xff\xff"],
    101: [FLOATS, [2.0] * DIMENSIONS, FLOATS[::-1]],
    102: [struct.pack("<16e", *[0.5] * 16), bytes(32), b"\x01\x80" * 16],
    103: [b"\x80\x3f" * 16, bytes(32), b"\xff\x7f" * 16],
    104: [struct.pack("<IfIf", 1, 0.5, 7, -0.0), b"", struct.pack("<If", 4000000000, 1.5)],
    105: [bytes(range(16)), bytes(16), b"\x80" * 16],
}


def shape(code: int) -> RowShape:
    """A key and a field of a type."""
    schema = protocol().schema
    key = schema.FieldSchema(name="id", data_type=kinds.INT64, is_primary_key=True)
    field = schema.FieldSchema(name="f", data_type=code, nullable=True, element_type=kinds.INT64)
    field.type_params.add(key="dim", value=str(DIMENSIONS))
    return RowShape.of(schema.CollectionSchema(name="docs", fields=[key, field]))


def batch(code: int, found: list[Any]) -> Any:
    made, types = shape(code), shape(code).arrow
    arrays = [arrow().array(range(len(found)), types.field("id").type), arrow().array(found, types.field("f").type)]
    return arrow().RecordBatch.from_arrays(arrays, schema=made.arrow)


def digest(code: int, rows: Any) -> str:
    total = Sum(shape(code))
    total.add(rows)
    return total.hex


def test_every_type_is_tried() -> None:
    assert VALUES.keys() == kinds.KINDS.keys()


@pytest.mark.parametrize("code", VALUES)
def test_values_go_out_and_come_back(code: int) -> None:
    rows = batch(code, VALUES[code])
    sent = protocol().milvus.InsertRequest(fields_data=shape(code).write(rows)).SerializeToString()
    fields = protocol().milvus.InsertRequest.FromString(sent).fields_data
    back = shape(code).read(protocol().milvus.QueryResults(fields_data=fields))
    assert [repr(value) for value in back.column("f").to_pylist()] == [
        repr(value) for value in rows.column("f").to_pylist()
    ]
    assert digest(code, back) == digest(code, rows)
    part = rows.slice(1, 2)
    assert digest(code, shape(code).read(protocol().milvus.QueryResults(fields_data=shape(code).write(part))))


@pytest.mark.parametrize("code", [code for code in VALUES if code not in UNTRIED])
def test_each_value_of_a_type_is_told_from_the_others(code: int) -> None:
    assert len({digest(code, batch(code, [value])) for value in VALUES[code]}) == len(VALUES[code])


def test_what_is_null_may_have_a_value_in_its_place() -> None:
    """As milvus-lite sends it."""
    schema = protocol().schema
    sent = schema.FieldData(field_name="f", type=5, valid_data=[True, False, True])
    sent.scalars.long_data.data.extend([7, 0, 9])
    key = schema.FieldData(field_name="id", type=5)
    key.scalars.long_data.data.extend([1, 2, 3])
    page = protocol().milvus.QueryResults(fields_data=[key, sent])
    assert shape(5).read(page).column("f").to_pylist() == [7, None, 9]


def test_one_document_is_one_value_however_it_is_written() -> None:
    written, again = '{"a": 1, "b": [1.0, null]}', '{ "b":[1.0,null],"a":1}'
    assert digest(23, batch(23, [written])) == digest(23, batch(23, [again]))
    assert digest(23, batch(23, ['{"a": 1}'])) != digest(23, batch(23, ['{"a": 1.0}']))


def test_pairs_of_a_sparse_vector_have_no_order() -> None:
    one, other = struct.pack("<IfIf", 1, 0.5, 7, 2.0), struct.pack("<IfIf", 7, 2.0, 1, 0.5)
    assert digest(104, batch(104, [one])) == digest(104, batch(104, [other]))


def test_floats_are_packed_as_the_protocol_has_them() -> None:
    made = protocol().schema.FloatArray
    numbers = values.unpacked(made(data=[1.0, -0.0]), values.FLOAT)
    assert numbers.tobytes() == b"\x00\x00\x80\x3f\x00\x00\x00\x80"
    assert values.packed(made, numbers).SerializeToString() == b"\x0a\x08\x00\x00\x80\x3f\x00\x00\x00\x80"
    assert values.unpacked(made(), values.FLOAT).tobytes() == b""


@pytest.mark.parametrize("code", UNTRIED)
def test_types_that_no_server_has_shown_are_refused_until_that_is_asked_for(code: int) -> None:
    schema = protocol().schema.CollectionSchema(name="docs", fields=[one.field for one in shape(code).columns])
    collection = SimpleNamespace(name="docs", schema=schema)
    with pytest.raises(SchemaMismatch) as refused:
        shape_of(collection, untried=False)
    assert "MILVUS_UNTRIED_TYPES" in refused.value.response
    assert shape_of(collection, untried=True).untried


def test_a_type_of_a_later_server_is_named() -> None:
    field = protocol().schema.FieldSchema(name="odd", data_type=106)
    collection = SimpleNamespace(name="docs", schema=protocol().schema.CollectionSchema(fields=[field]))
    with pytest.raises(SchemaMismatch) as refused:
        shape_of(collection, untried=True)
    assert refused.value.data["details"]["field"] == "odd"
