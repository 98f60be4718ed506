"""Blocks of CSV and what COPY is fed with."""

import csv
import io
import pickle
import uuid
from dataclasses import replace
from typing import get_args

import pytest

from data_pipeline.formats import csv_reader, pgcopy, registry
from data_pipeline.formats.csv_reader import Column, Layout, RowError
from data_pipeline.formats.format import Encoded, Format, FormatName

CSV, BINARY = registry.of("csv"), registry.of("binary")
SALES = uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
COLUMNS = (
    Column("id", "varchar"),
    Column("collection_id", "uuid"),
    Column("embedding", "vector", 2),
    Column("document", "varchar"),
    Column("cmetadata", "jsonb"),
)
FREE = tuple(replace(column, dimensions=None) for column in COLUMNS)
PLAIN = Layout(COLUMNS, "copy", b"\n", frozenset({SALES.bytes}))
LEGACY = Layout(COLUMNS, "python", b"\r\n", frozenset({SALES.bytes}))
WITH_TIME = Layout((*COLUMNS, Column("created", "tsvector")), "copy", b"\n", frozenset({SALES.bytes}))


def legacy_file(count: int) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file)
    for number in range(count):
        metadata = {"n": number, "ok": True, "q": "it's" if number % 3 else None}
        writer.writerow([f"n{number}", SALES, f"[{number},0.5]", f'第 "{number}"\n行', metadata])
    return file.getvalue().encode()


def test_a_plain_block_becomes_tuples_and_counts() -> None:
    block = f'n,{SALES},"[1,2]","a\nb",\nm,,,"","{{""k"": 1}}"'.encode()
    encoded = CSV.encode(block, PLAIN, True)
    assert encoded.payload == (
        b"\x00\x05\x00\x00\x00\x01n\x00\x00\x00\x10" + SALES.bytes + b"\x00\x00\x00\x0c\x00\x02\x00\x00\x3f\x80\x00\x00"
        b"\x40\x00\x00\x00\x00\x00\x00\x03a\nb\xff\xff\xff\xff"
        b'\x00\x05\x00\x00\x00\x01m\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x09\x01{"k": 1}',
    )
    assert (encoded.rows, encoded.lines) == (2, 2)


def test_for_types_without_a_binary_form_a_block_becomes_csv_with_every_value_quoted() -> None:
    block = f'n,,"[1, 2]","a\r\n""b""",,2025-07-22 10:30:45+08\n\\.,{SALES},,"",1,\n'.encode()
    encoded = CSV.encode(block, WITH_TIME, False)
    assert encoded.payload == (
        b'"n",,"[1, 2]","a\r\n""b""",,"2025-07-22 10:30:45+08"\n' + f'"\\.","{SALES}",,"","1",\n'.encode(),
    )
    assert (encoded.rows, encoded.lines) == (2, 3)


def test_the_quirks_of_a_legacy_file_are_gone_in_either_output() -> None:
    block = b"n,,,,\"{'a': None}\"\r\n"
    assert CSV.encode(block, LEGACY, False).payload == (b'"n",,,"","{""a"": null}"\n',)
    assert CSV.encode(block, LEGACY, True).payload[0].endswith(b'\0\0\0\0\0\0\0\x0c\x01{"a": null}')


@pytest.mark.parametrize("binary", [True, False])
def test_encoding_in_pieces_is_the_same_as_encoding_at_once(binary: bool) -> None:
    block = legacy_file(200)
    whole = CSV.encode(block, LEGACY, binary)
    payload, count, lines = b"", 0, 0
    rest = block
    while rest:
        end, _ = csv_reader.cut(rest[:1000])
        piece = CSV.encode(rest[:end], LEGACY, binary)
        payload, count, lines, rest = payload + piece.payload[0], count + piece.rows, lines + piece.lines, rest[end:]
    assert Encoded((payload,), count, lines) == whole
    assert (count, lines) == (200, 400)


def test_what_is_encoded_passes_the_check_of_binary_blocks() -> None:
    encoded = CSV.encode(legacy_file(200), LEGACY, True)
    assert pgcopy.check_block(encoded.payload[0], LEGACY) == 200


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize(
    ("record", "kind", "column"),
    [
        ("n,,[1],,", "invalid", "embedding"),
        ('n,,"[1,NaN]",,', "invalid", "embedding"),
        ("n,,[0.1 0.2],,", "invalid", "embedding"),
        (f"n,{uuid.UUID(int=1)},,,", "orphan", "collection_id"),
        ("n,nobody,,,", "invalid", "collection_id"),
        ("n,,,", "invalid", None),
    ],
)
def test_both_outputs_refuse_the_same_records(binary: bool, record: str, kind: str, column: str | None) -> None:
    with pytest.raises(RowError) as caught:
        CSV.encode(f'm,,"[1,2]","two\nlines",\n{record}\n'.encode(), PLAIN, binary)
    assert (caught.value.kind, caught.value.line, caught.value.column) == (kind, 3, column)


def test_an_empty_block_is_no_rows() -> None:
    assert CSV.encode(b"", PLAIN, True) == CSV.encode(b"", PLAIN, False) == Encoded((b"",), 0, 0)


def test_layouts_and_results_travel_between_processes() -> None:
    encoded = CSV.encode(legacy_file(1), LEGACY, True)
    assert pickle.loads(pickle.dumps((LEGACY, encoded))) == (LEGACY, encoded)


WANTED = Layout(COLUMNS, "copy", b"\n", None, wanted=frozenset({SALES.bytes}))
OTHER = uuid.UUID(int=7)
MIXED = (
    f'a,{OTHER},"[1,2,3]","of another\ncollection",\n'  # whose vectors have other dimensions
    f'b,{str(SALES).upper()},"[1,2]","two\nlines",\n'
    'c,,"[1,2]",in none,\n'
    f'd,{SALES},"[3,4]",last,\n'
).encode()


@pytest.mark.parametrize("binary", [True, False])
def test_only_the_wanted_collections_records_are_encoded(binary: bool) -> None:
    encoded = CSV.encode(MIXED, WANTED, binary)
    kept = b"".join(MIXED.splitlines(keepends=True)[number] for number in (2, 3, 5))
    assert encoded.payload == CSV.encode(kept, WANTED, binary).payload
    assert (encoded.rows, encoded.dropped, encoded.lines) == (4, 2, 6)


def test_only_the_wanted_collections_tuples_are_passed_on() -> None:
    anything = Layout(FREE, "copy", b"\n", None)
    (block,) = CSV.encode(MIXED, anything, True).payload
    encoded = BINARY.encode(block, WANTED, True)
    assert encoded.payload == CSV.encode(MIXED, WANTED, True).payload
    assert (encoded.rows, encoded.dropped, encoded.lines) == (4, 2, 4)


def test_a_record_that_was_sent_is_found_in_the_file_again() -> None:
    assert [CSV.record_before(MIXED, WANTED, index) for index in (0, 1)] == [2, 5]
    (block,) = CSV.encode(MIXED, Layout(FREE, "copy", b"\n", None), True).payload
    assert [BINARY.record_before(block, WANTED, index) for index in (0, 1)] == [1, 3]


def test_a_bad_value_of_a_wanted_record_is_named_by_its_line() -> None:
    columns = (*COLUMNS[:2], Column("embedding", "vector", 3), *COLUMNS[3:])
    three = Layout(columns, "copy", b"\n", None, wanted=frozenset({SALES.bytes}))
    with pytest.raises(RowError) as caught:
        CSV.encode(MIXED, three, True)
    assert (caught.value.line, caught.value.column) == (3, "embedding")
    (block,) = CSV.encode(MIXED, Layout(FREE, "copy", b"\n", None), True).payload
    with pytest.raises(RowError) as caught:
        BINARY.encode(block, three, True)
    assert (caught.value.line, caught.value.column) == (2, "embedding")
    with pytest.raises(RowError) as caught:
        CSV.encode(MIXED + b"e,nobody,,,\n", WANTED, True)
    assert (caught.value.line, caught.value.column) == (7, "collection_id")


# What a codec declines

WITH_DATE = Layout((Column("id", "varchar"), Column("on", "date"), Column("to", "vector", 1)), "copy", b"\n", None)


def test_a_block_with_a_text_that_only_the_server_knows_becomes_csv_as_a_whole() -> None:
    known, unknown = b"a,1999-01-08,[1]\n", b'b,"January 8, 1999",[2]\n'
    encoded = CSV.encode(known + unknown, WITH_DATE, True)
    assert encoded.declined
    assert encoded.payload == (b'"a","1999-01-08","[1]"\n"b","January 8, 1999","[2]"\n',)
    assert (encoded.rows, encoded.lines) == (2, 2)
    assert not CSV.encode(known, WITH_DATE, True).declined
    assert not CSV.encode(unknown, WITH_DATE, False).declined


def test_what_is_wrong_for_certain_is_refused_beside_a_text_that_is_declined() -> None:
    with pytest.raises(RowError) as caught:
        CSV.encode(b"a,yesterday,[1]\nb,1999-01-08,[NaN]\n", WITH_DATE, True)
    assert (caught.value.line, caught.value.column) == (2, "to")


@pytest.mark.parametrize(("type_", "declines"), [("vector", False), ("jsonb", False), ("int4", True), ("_text", True)])
def test_a_format_knows_which_columns_it_may_decline(type_: str, declines: bool) -> None:
    layout = Layout((Column("x", type_),), "copy", b"\n", None)
    assert CSV.may_decline(layout) is declines
    assert not BINARY.may_decline(layout)


# The registry


def test_every_format_is_registered_by_the_name_and_the_suffix_it_has() -> None:
    assert set(registry.FORMATS) == set(get_args(FormatName))
    assert {name: (one.name, one.suffix) for name, one in registry.FORMATS.items()} == {
        "csv": ("csv", "csv"),
        "binary": ("binary", "pgcopy"),
    }


@pytest.mark.parametrize("one", registry.FORMATS.values(), ids=lambda one: one.name)
def test_a_format_reads_the_header_it_writes(one: Format) -> None:
    names = ["id", "a,b", 'say "x"']
    header = one.header(names)
    assert one.read_header(header + b"rows\n", names).columns == tuple(names)
    assert one.read_header(header + b"rows\n", names).size == len(header)


def test_a_csv_header_quotes_what_copy_quotes() -> None:
    assert CSV.header(["id", "a,b", 'say "x"', "two\nlines", "中"]) == 'id,"a,b","say ""x""","two\nlines",中\n'.encode()


def test_without_its_columns_a_binary_file_has_no_header() -> None:
    with pytest.raises(RowError):
        BINARY.read_header(pgcopy.HEADER, None)
    assert not BINARY.described
