"""Which value of a row is too long, told from the bytes COPY sends."""

import struct
from uuid import UUID

import pytest

from data_pipeline.formats import registry
from data_pipeline.formats.csv_reader import Column
from data_pipeline.postgres.reading import oversize
from data_pipeline.postgres.reading.oversize import Oversize

COLUMNS = [Column("document", "varchar"), Column("cmetadata", "jsonb"), Column("uuid", "uuid")]
ID = UUID("11111111-1111-4111-8111-111111111111")


def tuple_of(*values: bytes | None) -> bytes:
    fields = [b"\xff" * 4 if value is None else struct.pack(">i", len(value)) + value for value in values]
    return struct.pack(">h", len(values)) + b"".join(fields)


@pytest.mark.parametrize(
    ("message", "column", "size"),
    [
        (f'"{"x,y" * 4}",,{ID}\n', "document", 12),
        (f'"{chr(34) * 22}",,{ID}\n', "document", 11),
        (f"xxxxxxxxxxx,,{ID}\n", "document", 11),
        (f'"","{{""k"": ""vvvvvv""}}",{ID}\n', "cmetadata", 15),
    ],
)
def test_in_csv_it_is_measured_without_its_quotes(message: str, column: str, size: int) -> None:
    found = oversize.find(message.encode(), COLUMNS, ["uuid"], registry.of("csv"), 10)
    assert found is not None
    assert (found.column, found.bytes) == (column, size)


@pytest.mark.parametrize("message", [b'"xxxxxxxxxx",,\n', b',"""""""",\n', b",,\n"])
def test_a_value_of_the_limit_is_none(message: bytes) -> None:
    assert oversize.find(message, COLUMNS, ["uuid"], registry.of("csv"), 10) is None


def test_in_binary_it_is_named_by_its_key() -> None:
    message = tuple_of(None, b"{" * 21, ID.bytes)
    assert oversize.find(message, COLUMNS, ["uuid"], registry.of("binary"), 20) == Oversize("cmetadata", 21, str(ID))
    assert oversize.find(message, COLUMNS, ["uuid"], registry.of("binary"), 21) is None


def test_a_key_of_several_columns_is_given_whole_and_a_long_one_cut() -> None:
    columns = [Column(name, "text") for name in "abc"]
    line = b'"a ""quoted""",' + b"k" * 300 + b",1\n"
    found = oversize.find(b"x" * 400 + b"," + line.partition(b",")[2], columns, ["b", "c"], registry.of("csv"), 310)
    assert found is not None
    assert found.key == "k" * 200
    found = oversize.find(line, columns, ["a", "c"], registry.of("csv"), 200)
    assert found is not None
    assert found.key == 'a "quoted", 1'
