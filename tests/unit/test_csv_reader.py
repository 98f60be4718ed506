"""Bytes of CSV files and the fields they hold."""

import csv
import gzip
import io
import json
import pickle
import random

import pytest

from data_pipeline.formats import csv_header, csv_reader
from data_pipeline.formats.csv_header import Header
from data_pipeline.formats.csv_reader import Column, Layout, RowError

PLAIN = Layout((Column("name", "varchar"), Column("document", "varchar")), "copy", b"\n", None, None)
WINDOWS = Layout(PLAIN.columns, "copy", b"\r\n", None, None)
EMBEDDINGS = Layout(
    (Column("id", "varchar"), Column("embedding", "vector"), Column("document", "varchar")), "copy", b"\n", None, None
)
LEGACY = Layout(
    (Column("id", "varchar"), Column("document", "varchar"), Column("cmetadata", "jsonb")),
    "python",
    b"\r\n",
    None,
    None,
)


def parsed(block: bytes, layout: Layout = PLAIN) -> list[list[bytes | None]]:
    return list(csv_reader.parse(block, layout))


def refused(block: bytes, layout: Layout = PLAIN) -> RowError:
    with pytest.raises(RowError) as caught:
        csv_reader.parse(block, layout)
    return caught.value


def legacy_file(*records: tuple[object, object, object]) -> bytes:
    """What the older tool wrote: csv.writer over the rows psycopg2 returned."""
    file = io.StringIO()
    csv.writer(file).writerows(records)
    return file.getvalue().encode()


def metadata(text: str) -> bytes | None:
    """What becomes of one cmetadata field of a legacy file."""
    return csv_reader.parse(legacy_file(("a", "d", text)), LEGACY)[0][2]


# The header line


@pytest.mark.parametrize(
    ("start", "header"),
    [
        (b"id,document\nrow", Header(("id", "document"), 12, b"\n")),
        (b"id,document\r\nrow", Header(("id", "document"), 13, b"\r\n")),
        (b'\xef\xbb\xbf"id",document\n', Header(("id", "document"), 17, b"\n")),
        (b'"id","document"\n', Header(("id", "document"), 16, b"\n", quoted=True)),
        (b",id,document\n", Header(("id", "document"), 13, b"\n", unnamed=1)),
        (b'"","id"\r\n', Header(("id",), 9, b"\r\n", unnamed=1, quoted=True)),
        (b"Unnamed: 0,id\n", Header(("id",), 14, b"\n", unnamed=1)),
        (b",Unnamed: 0,id\n", Header(("id",), 15, b"\n", unnamed=2)),
        (b"uuid\n", Header(("uuid",), 5, b"\n")),
    ],
)
def test_a_header_gives_names_size_and_line_end(start: bytes, header: Header) -> None:
    assert csv_header.parse_header(start) == header


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"\xef\xbb\xbf",
        b"id,document",
        b"id,id\n",
        b"id,\n",
        b"\n",
        b"id,\xff\n",
        b"<!DOCTYPE html>\n<html>\n",
        b"id;document\n",
        b'"id,document\n',
        b"id\rdocument\n",
        b"1,2\n",
    ],
)
def test_what_is_no_header_is_refused_in_line_one(start: bytes) -> None:
    with pytest.raises(RowError) as caught:
        csv_header.parse_header(start)
    assert (caught.value.kind, caught.value.line) == ("invalid", 1)


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("id,document\n".encode("utf-16"), "UTF-16"),
        ("\ufeffid,document\n".encode("utf-16-be"), "UTF-16"),
        (gzip.compress(b"id,document\n", mtime=0), "gzip"),
        (b"PK\x03\x04\n", "zip"),
        ("id,document\n".encode("utf-16-le"), "UTF-16"),
        (b"id;document;cmetadata\n", "分号"),
        (b"id\tdocument\n", "制表符"),
        (b"<!DOCTYPE html>\n<html>", "HTML"),
        (b"\xef\xbb\xbf\r\n  <html>\n", "HTML"),
        (b'[{"id": "a"}]\n', "JSON"),
        (b"\x28\xb5\x2f\xfd\n", "zstd"),
        (b"BZh9\n", "bzip2"),
        (b"\xfd7zXZ\n", "xz"),
        (b"\xd0\xcf\x11\xe0\n", "电子表格"),
        (b"PGDMP\x01\n", "pg_dump"),
        (b"--\n-- PostgreSQL database dump\n", "pg_dump"),
    ],
)
def test_a_file_of_another_kind_is_refused_by_its_name(start: bytes, said: str) -> None:
    with pytest.raises(RowError, match=said):
        csv_header.parse_header(start)


# Cutting


@pytest.mark.parametrize(
    ("buffer", "end"),
    [
        (b"", 0),
        (b"a,b", 0),
        (b"a,b\n", 4),
        (b"a,b\nc,d", 4),
        (b'a,"b\nc', 0),
        (b'a,b\nc,"d\ne"', 4),
        (b'a,"b\n""\n"\nc,"', 10),
        (b"a\r\nb\r", 3),
    ],
)
def test_a_buffer_is_cut_after_its_last_complete_record(buffer: bytes, end: int) -> None:
    assert [csv_reader.cut(kind(buffer))[0] for kind in (bytes, bytearray, memoryview)] == [end] * 3


def test_an_unfinished_field_of_many_lines_and_quotes_does_not_hide_the_record_before_it() -> None:
    assert csv_reader.cut(b'a,b\nc,"' + b'said ""no""\n' * 100_000) == (4, True)


def test_cutting_agrees_with_counting_quotes_wherever_the_pieces_end() -> None:
    random_ = random.Random(1)
    for _ in range(500):
        buffer = bytes(random_.choices(b'a,"\n\n', k=random_.randrange(12)))
        ends = [at + 1 for at in range(len(buffer)) if buffer[at] == 10 and buffer.count(b'"', 0, at) % 2 == 0]
        middle = random_.randrange(len(buffer) + 1)
        first, quoted = csv_reader.cut(buffer[:middle])
        second, _ = csv_reader.cut(buffer[middle:], quoted)
        assert (middle + second if second else first) == csv_reader.cut(buffer)[0] == (ends[-1] if ends else 0)


# COPY's CSV


def test_nothing_is_null_and_two_quotes_are_an_empty_string() -> None:
    assert parsed(b',""\n"",\n') == [[None, b""], [b"", None]]


@pytest.mark.parametrize(
    ("block", "record"),
    [
        (b'a,"b,c"\n', [b"a", b"b,c"]),
        (b'a,"say ""hi"""\n', [b"a", b'say "hi"']),
        (b'a,""""\n', [b"a", b'"']),
        (b'a,"1\n2\r3\r\n4"\n', [b"a", b"1\n2\r3\r\n4"]),
        (b'a, "b"c"d,"\n', [b"a", b" bcd,"]),
        (b'"a"",""b"c,""d\n', [b'a","bc', b"d"]),
        (b"a,\\.\n", [b"a", b"\\."]),
        ("训练,数据\n".encode(), ["训练".encode(), "数据".encode()]),
        (b"a,b", [b"a", b"b"]),
        (b"a,", [b"a", None]),
    ],
)
def test_fields_are_what_copy_makes_of_them(block: bytes, record: list[bytes | None]) -> None:
    assert parsed(block) == [record]


@pytest.mark.parametrize(
    "block",
    [
        b"a\n",
        b"a,b,c\n",
        b"\n",
        b"\\.\n",
        b'a,"b\n',
        b'a,b"\n',
        b"a,b\r\n",
        b"a\rb,c\n",
        b"a,b\r",
        b"a,\0\n",
        b"a,\xff\n",
        b"a,\xed\xa0\x80\n",
        b'a,"\xe4"\xb8\xad\n',
    ],
)
def test_what_copy_refuses_is_refused_with_its_line(block: bytes) -> None:
    error = refused(b'x,"two\nlines"\n' + block)
    assert (error.kind, error.line, error.column) == ("invalid", 3, None)


@pytest.mark.parametrize("block", [b"a,b\n", b"a\n,b\r\n", b"a\r,b\r\n", b"a,b\r"])
def test_line_ends_other_than_the_headers_are_refused(block: bytes) -> None:
    assert refused(b"x,y\r\n" + block, WINDOWS).line == 2


def test_a_vector_column_is_crossed_whatever_its_field_looks_like() -> None:
    block = b'a,"[1,2]",d\nb,[3],\nc,,"e"\nd,"""[""",\ne,"[1"",2]",x\nf,"[1,2]"y,z\n'
    assert [record[1] for record in parsed(block, EMBEDDINGS)] == [
        b"[1,2]",
        b"[3]",
        None,
        b'"["',
        b'[1",2]',
        b"[1,2]y",
    ]


def test_an_unfinished_vector_is_refused() -> None:
    assert refused(b'a,"[1,2]",d\nb,"[1,2', EMBEDDINGS).line == 2
    assert refused(b'",d\n","[1,2]",d\nb,"[1,2', EMBEDDINGS).line == 3


def test_a_megabyte_of_text_and_a_field_full_of_quotes_are_read() -> None:
    long, quotes = "长".encode() * 350_000, b'"' * 1_000_000
    block = b'a,"' + long + b'"\nb,"' + quotes.replace(b'"', b'""') + b'"\n'
    assert parsed(block) == [[b"a", long], [b"b", quotes]]


def test_a_record_knows_its_line_and_iterating_is_the_same_as_indexing() -> None:
    block = b'a,"1\n2"\nb,c\n"\n\n",d\ne,f\n'
    records = csv_reader.parse(block, PLAIN)
    assert [records.line(index) for index in range(len(records))] == [1, 3, 4, 7]
    assert list(records) == [records[index] for index in range(4)]


def test_no_bytes_are_no_records() -> None:
    assert len(csv_reader.parse(b"", PLAIN)) == 0
    assert parsed(b"", LEGACY) == []


def test_an_error_survives_the_way_from_a_worker_process_and_says_nothing_of_the_row() -> None:
    error = pickle.loads(pickle.dumps(refused(b"secret\n")))
    assert (error.kind, error.line, error.column, str(error)) == ("invalid", 1, None, error.reason)
    assert "secret" not in error.reason


# Legacy files


def test_an_empty_field_of_a_legacy_file_is_an_empty_document_and_null_elsewhere() -> None:
    block = legacy_file((None, None, None), ("", "", ""))
    assert block == b",,\r\n,,\r\n"
    assert parsed(block, LEGACY) == [[None, b"", None]] * 2


def test_pythons_repr_becomes_json() -> None:
    value = {"n": 1, "ok": True, "x": None, "q": "it's", "中": ["文", -1.5e16, {}], "e": "a\\b\n\x00\x7f"}
    block = legacy_file(("a", "d", value))
    assert b"'ok': True, 'x': None" in block
    assert csv_reader.parse(block, LEGACY)[0][2] == json.dumps(value, ensure_ascii=False).encode()


def test_every_value_of_json_comes_back_from_its_repr() -> None:
    random_ = random.Random(2)
    letters = "ab'\"\\\n{}[]:, TrueFalseNone中\u2028😀\x85"

    def text() -> str:
        return "".join(random_.choices(letters, k=random_.randrange(6)))

    def value(depth: int) -> object:
        kinds = ["text", "number", "word"] + ["list", "dict"] * (depth < 3)
        match random_.choice(kinds):
            case "text":
                return text()
            case "number":
                return random_.choice([0, -1, 10**30, 0.1, 1e100, -1e-7, random_.random()])
            case "word":
                return random_.choice([True, False, None])
            case "list":
                return [value(depth + 1) for _ in range(random_.randrange(4))]
        return {text(): value(depth + 1) for _ in range(random_.randrange(4))}

    for _ in range(2000):
        original = random_.choice([[value(0)], {text(): value(0)}])
        restored = metadata(str(original))
        assert restored is not None
        assert json.loads(restored) == original


@pytest.mark.parametrize(
    ("text", "restored"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('{"a":  1.50, "b": "it\'s", "c": [true, null]}', '{"a":  1.50, "b": "it\'s", "c": [true, null]}'),
        ('{"n": 123456789012345678901234567890}', '{"n": 123456789012345678901234567890}'),
        (f'{{"n": {"1" * 5000}}}', f'{{"n": {"1" * 5000}}}'),
        ("[]", "[]"),
        ("{}", "{}"),
        ("[1, 2.0, 1e999]", "[1, 2.0, 1e999]"),
        ("{'a': 'True', 'b': True}", '{"a": "True", "b": true}'),
        ("True", "true"),
        ("False", "false"),
        ("1", "1"),
        ("-2.50", "-2.50"),
        ("1e+16", "1e+16"),
        ("None", '"None"'),
        ("true", '"true"'),
        ("007", '"007"'),
        ("1_000", '"1_000"'),
        ("(1, 2)", '"(1, 2)"'),
        ("'quoted'", "\"'quoted'\""),
        ('say "中文"\n', '"say \\"中文\\"\\n"'),
    ],
)
def test_json_scalars_and_text_of_a_legacy_file(text: str, restored: str) -> None:
    assert metadata(text) == restored.encode()


@pytest.mark.parametrize(
    "text",
    [
        "{'a': nan}",
        "{'a': inf}",
        '{"a": NaN}',
        "{'a': 1e999}",
        "nan",
        "inf",
        "-inf",
        "{'a': 1",
        "{'a'}",
        "[b'x']",
        "[1j]",
        "{'a': true}",
        "{'a': f()}",
        "{'a': ...}",
        "{'\\ud800': 1}",
        '{"a": "\\ud800"}',
        "[" * 300 + "'\\''" + "]" * 300,
        "[" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        "[" + "-" * 100_000 + "1]",
        "[" + "1+" * 100_000 + "1]",
    ],
)
def test_what_has_no_json_is_refused_with_line_and_column(text: str) -> None:
    error = refused(legacy_file(("a", "1\n2", "{}"), ("b", "", text)), LEGACY)
    assert (error.kind, error.line, error.column) == ("invalid", 3, "cmetadata")
    assert text not in error.reason


def test_the_quirks_of_legacy_files_are_not_applied_to_others() -> None:
    layout = Layout(LEGACY.columns, "copy", b"\r\n", None, None)
    assert parsed(b",,{'a': 1}\r\n,\"\",1\r\n", layout) == [[None, None, b"{'a': 1}"], [None, b"", b"1"]]
