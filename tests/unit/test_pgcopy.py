"""Wire bytes of PostgreSQL's binary COPY."""

import struct
import uuid

import pytest

from data_pipeline.formats import csv_reader, pgcopy, types
from data_pipeline.formats.csv_reader import Column, Layout, RowError
from data_pipeline.formats.pgcopy import HEADER, TRAILER

A = uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
B = uuid.UUID("b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
COLUMNS = (Column("id", "varchar"), Column("collection_id", "uuid"), Column("embedding", "vector"))
TWO_DIMENSIONS = Layout((*COLUMNS[:2], Column("embedding", "vector", 2)), "copy", b"\n", frozenset({A.bytes}))
ANYTHING = Layout(COLUMNS, "copy", b"\n", None)


def one_column(type_: str, name: str = "x") -> Layout:
    return Layout((Column(name, type_),), "copy", b"\n", None)


def encoded(block: bytes, layout: Layout) -> bytes:
    return pgcopy.encode(csv_reader.parse(block, layout), layout)


def refused(block: bytes, layout: Layout) -> RowError:
    with pytest.raises(RowError) as caught:
        encoded(block, layout)
    return caught.value


def check_refused(block: bytes, layout: Layout = TWO_DIMENSIONS) -> RowError:
    with pytest.raises(RowError) as caught:
        pgcopy.check_block(block, layout)
    return caught.value


def field(value: bytes) -> bytes:
    return struct.pack(">i", len(value)) + value


def tuple_of(*values: bytes | None) -> bytes:
    fields = [b"\xff\xff\xff\xff" if value is None else field(value) for value in values]
    return struct.pack(">h", len(values)) + b"".join(fields)


def vector(*numbers: float) -> bytes:
    return struct.pack(f">hh{len(numbers)}f", len(numbers), 0, *numbers)


# Encoding


def test_a_row_is_a_field_count_and_lengths_before_values() -> None:
    assert encoded(b'n,,"[1,2]"\n', ANYTHING) == (
        b"\x00\x03\x00\x00\x00\x01n\xff\xff\xff\xff\x00\x00\x00\x0c\x00\x02\x00\x00\x3f\x80\x00\x00\x40\x00\x00\x00"
    )


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        ("varchar", "中".encode(), "中".encode()),
        ("text", b'""', b""),
        ("json", b'"{""a"" : 1.0}"', b'{"a" : 1.0}'),
        ("jsonb", b'"{""a"" : 1.0}"', b'\x01{"a" : 1.0}'),
        ("uuid", str(A).encode(), A.bytes),
        ("vector", b"[-0]", b"\x00\x01\x00\x00\x80\x00\x00\x00"),
    ],
)
def test_every_type_has_its_wire_form(type_: str, text: bytes, value: bytes) -> None:
    assert encoded(text + b"\n", one_column(type_)) == tuple_of(value)


def test_a_null_has_no_value_in_any_type() -> None:
    names = sorted({**types.SCALARS, **types.ARRAYS})
    layout = Layout(tuple(Column(f"c{type_}", type_) for type_ in names), "copy", b"\n", frozenset())
    assert encoded(b"," * (len(names) - 1) + b"\n", layout) == tuple_of(*[None] * len(names))


@pytest.mark.parametrize(
    "text",
    [
        "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
        "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
        "a0eebc999c0b4ef8bb6d6bb9bd380a11",
        "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
        "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}",
    ],
)
def test_every_form_of_a_uuid_is_the_same_uuid(text: str) -> None:
    block = f"{text}\n{B}\n{A}\n".encode()
    for name in ("id", "collection_id"):
        assert encoded(block, one_column("uuid", name)) == tuple_of(A.bytes) + tuple_of(B.bytes) + tuple_of(A.bytes)


@pytest.mark.parametrize(
    "text",
    [
        '""',
        " a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g",
        "a0eebc9-99c0b-4ef8-bb6d-6bb9bd380a11",
        "a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a1",
        "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
        "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11x",
        "a0eebc99x9c0b-4ef8-bb6d-6bb9bd380a11",
        "a0eebc999c0b4ef8bb6d6bb9bd380a11-",
        "urn:uuid:a0eebc999c0b4ef8bb6d6bb9bd3",
    ],
)
def test_what_is_no_uuid_is_refused_with_its_line(text: str) -> None:
    for name in ("id", "collection_id"):
        error = refused(f"{A}\n\n{A}\n{text}\n{A}\n".encode(), one_column("uuid", name))
        assert (error.kind, error.line, error.column) == ("invalid", 4, name)


def test_an_unknown_collection_is_an_orphan_and_none_is_not() -> None:
    assert encoded(f"n,{A},\nm,,\n".encode(), TWO_DIMENSIONS) == tuple_of(b"n", A.bytes, None) + tuple_of(
        b"m", None, None
    )
    error = refused(f"n,{A},\nl,,\nm,{B},\n".encode(), TWO_DIMENSIONS)
    assert (error.kind, error.line, error.column) == ("orphan", 3, "collection_id")


def test_other_dimensions_are_refused_and_named() -> None:
    error = refused(b'n,,"[1,2]"\nm,,\no,,"[1,2,3]"\n', TWO_DIMENSIONS)
    assert (error.kind, error.line, error.column) == ("invalid", 3, "embedding")
    assert "3 维" in error.reason
    assert "2 维" in error.reason


def test_of_several_columns_the_one_with_the_first_bad_row_is_named() -> None:
    orphan, no_vector = f'n,{B},"[1,2]"\n'.encode(), b"m,,x\n"
    assert refused(orphan + no_vector, TWO_DIMENSIONS).column == "collection_id"
    assert refused(no_vector + orphan, TWO_DIMENSIONS).column == "embedding"


# Header and trailer


def test_the_header_is_the_documented_nineteen_bytes() -> None:
    assert HEADER == b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"
    assert TRAILER == b"\xff\xff"
    assert pgcopy.strip_header(HEADER + b"rows") == 19


def test_a_header_extension_is_skipped_and_uncritical_flags_are_ignored() -> None:
    assert pgcopy.strip_header(HEADER[:11] + b"\0\0\xff\xff\0\0\0\x03abc" + b"rows") == 22


@pytest.mark.parametrize(
    "start",
    [
        b"",
        HEADER[:18],
        b"id,document\n" * 2,
        HEADER.replace(b"\r\n", b"\n") + b"\0",
        HEADER[:11] + b"\0\1" + bytes(6),
        HEADER[:15] + b"\0\0\1\0",
        HEADER[:15] + b"\xff" * 4,
    ],
)
def test_what_is_no_header_is_refused(start: bytes) -> None:
    with pytest.raises(RowError) as caught:
        pgcopy.strip_header(start)
    assert caught.value.line == 1


# Checking blocks


def test_a_block_of_whole_rows_is_counted() -> None:
    block = encoded(f'n,{A},"[1,2]"\nm,,\n"",{A},"[-0,3]"\n'.encode(), TWO_DIMENSIONS)
    assert pgcopy.check_block(block, TWO_DIMENSIONS) == 3
    assert pgcopy.check_block(b"", TWO_DIMENSIONS) == 0


def test_a_block_that_ends_anywhere_but_after_a_row_is_refused() -> None:
    first = tuple_of(b"n", A.bytes, vector(1, 2))
    block = first + tuple_of(b"m", None, vector(3, 4))
    for end in set(range(1, len(block))) - {len(first)}:
        error = check_refused(block[:end])
        assert (error.kind, error.line) == ("invalid", 1 if end < len(first) else 2)
    for end in range(1, 9):
        assert check_refused(tuple_of(b"xyz")[:end], one_column("text")).line == 1


@pytest.mark.parametrize(
    ("bad", "column"),
    [
        (TRAILER, None),
        (tuple_of(b"n", None), None),
        (tuple_of(b"n", None, None, None), None),
        (b"\x00\x03\xff\xff\xff\xfe" + bytes(12), None),
        (b"\x00\x03\x7f\xff\xff\xff" + bytes(12), None),
        (tuple_of(b"n", A.bytes[:15], None), "collection_id"),
        (tuple_of(b"n", A.bytes + b"\0", None), "collection_id"),
        (tuple_of(b"n", None, vector(1)), "embedding"),
        (tuple_of(b"n", None, vector(1, 2) + b"\0"), "embedding"),
        (tuple_of(b"n", None, vector(1, 2)[:-1]), "embedding"),
        (tuple_of(b"n", None, b""), "embedding"),
        (tuple_of(b"n", None, vector(1, 2).replace(b"\0\2\0\0", b"\0\2\0\1")), "embedding"),
    ],
)
def test_a_bad_row_is_refused_with_its_number(bad: bytes, column: str | None) -> None:
    error = check_refused(tuple_of(b"n", A.bytes, None) + bad)
    assert (error.kind, error.line, error.column) == ("invalid", 2, column)


@pytest.mark.parametrize("numbers", [[], [0.0] * 16_001])
def test_a_vector_has_one_to_sixteen_thousand_dimensions(numbers: list[float]) -> None:
    assert check_refused(tuple_of(None, None, vector(*numbers)), ANYTHING).column == "embedding"


def test_an_unknown_collection_in_a_block_is_an_orphan() -> None:
    error = check_refused(tuple_of(b"n", None, None) + tuple_of(b"m", B.bytes, None))
    assert (error.kind, error.line, error.column) == ("orphan", 2, "collection_id")
