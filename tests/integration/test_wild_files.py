"""Backup files that older tools left: each quirk on its real bytes, and whole files as the old exporter wrote them."""

from collections.abc import Callable
from typing import Any

import pytest

from data_pipeline.api import PREFIX
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.names import DOCS

EMBEDDING_FILE = "langchain_pg_embedding_20250722_010318.csv"
COLLECTIONS = f"uuid,name,cmetadata\r\n{DOCS},docs,\r\n".encode()
HEADER = b"id,collection_id,embedding,document,cmetadata"
OLD_HEADER = b"collection_id,embedding,document,cmetadata,custom_id,uuid"
BEFORE = ("before",)


@pytest.fixture
def restore(client: Client, database: TestDatabase, backups: Any) -> Any:
    """Restore an embedding file in place of one row; the answer."""
    database.execute("INSERT INTO langchain_pg_embedding (id) VALUES (%s)", BEFORE)

    def run(embedding: bytes, collection: bytes = COLLECTIONS) -> Any:
        return client.restore(**backups.write(collection, embedding), truncate_before_restore=True)

    return run


@pytest.fixture
def value(restore: Any, database: TestDatabase) -> Any:
    """Restore a file with one row; one column of it, or the SQL over it."""

    def run(record: bytes, column: str, header: bytes = HEADER, newline: bytes = b"\r\n") -> Any:
        response = restore(header + newline + record.replace(b"DOCS", DOCS.encode()) + newline)
        assert response.status_code == 200, response.text
        ((found,),) = database.fetch(f"SELECT {column} FROM langchain_pg_embedding")
        return found

    return run


def test_line_ends_may_be_carriage_return_and_newline(value: Any) -> None:
    assert value(b'a,DOCS,"[1,2,3]",text,{}', "id || '|' || document || '|' || embedding") == "a|text|[1,2,3]"


def test_the_last_line_end_may_be_missing(restore: Any, database: TestDatabase) -> None:
    assert restore(HEADER + f'\r\na,{DOCS},"[1]",text,{{}}'.encode()).status_code == 200
    assert database.fetch("SELECT id, cmetadata FROM langchain_pg_embedding") == [("a", {})]


def test_a_byte_order_mark_is_skipped(value: Any) -> None:
    assert value(b'a,DOCS,"[1]",text,{}', "id", header=b"\xef\xbb\xbf" + HEADER) == "a"


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
def test_columns_may_stand_in_any_order(value: Any, newline: bytes) -> None:
    header = b"cmetadata,document,embedding,id,collection_id"
    record = b'{},this is the document,"[1]",this is the id,DOCS'
    assert value(record, "id || '|' || document", header, newline) == "this is the id|this is the document"


QUIRKS: dict[str, tuple[bytes, Any]] = {
    "the words of Python": (
        b"\"{'n': 1, 'ok': True, 'no': False, 'x': None}\"",
        {"n": 1, "ok": True, "no": False, "x": None},
    ),
    "both kinds of quotes": (b'"{\'q\': ""it\'s"", \'d\': \'say ""so""\'}"', {"q": "it's", "d": 'say "so"'}),
    "words inside of strings": (b"\"{'t': 'None, True or False'}\"", {"t": "None, True or False"}),
    "escapes": (rb"""{'t': 'tab\t nl\n b\\ q\' u\u2028 x\x07'}""", {"t": "tab\t nl\n b\\ q' u\u2028 x\x07"}),
    "characters of any kind": ("{'名': '值 😀 é'}".encode(), {"名": "值 😀 é"}),
    "nested values": (b"\"{'a': [1, {'b': []}, ()], 'c': {}}\"", {"a": [1, {"b": []}, []], "c": {}}),
    "numbers": (
        b"\"{'i': 12345678901234567890123, 'f': 0.1, 'e': 1e-07, 'n': -0.5}\"",
        {"i": 12345678901234567890123, "f": 0.1, "e": 1e-07, "n": -0.5},
    ),
    "JSON": (b'"{""n"": 1, ""ok"": true, ""x"": null}"', {"n": 1, "ok": True, "x": None}),
    "JSON with the words of Python": (b'"{""t"": ""None, True or False""}"', {"t": "None, True or False"}),
    "a list": (b"\"[1, 'two', None]\"", [1, "two", None]),
    "an empty list": (b"[]", []),
    "a word": (b"word", "word"),
    "text": (b'"some text, with ""quotes"""', 'some text, with "quotes"'),
    "text like a list": (b"(1)", "(1)"),
    "a whole number": (b"42", 42),
    "a fraction": (b"-0.5", -0.5),
    "true": (b"True", True),
    "false": (b"False", False),
    "text in Chinese": ("文本".encode(), "文本"),
    "a date": (b"2025-07-22", "2025-07-22"),
}


@pytest.mark.parametrize(("written", "meant"), QUIRKS.values(), ids=QUIRKS)
def test_metadata_may_be_what_python_prints_for_it(value: Any, written: bytes, meant: Any) -> None:
    found = value(b'a,DOCS,"[1]",text,' + written, "cmetadata")
    assert found == meant
    assert type(found) is type(meant)


def test_the_same_holds_for_the_json_of_the_old_tables(
    make_client: Callable[..., Client], old_database: TestDatabase, backups: Any
) -> None:
    written_by_python = {name: quirk for name, quirk in QUIRKS.items() if not name.startswith("JSON")}
    records = [
        f'{DOCS},"[1]",{name},'.encode() + written + f",,00000000-0000-4000-8000-{number:012}".encode()
        for number, (name, (written, _)) in enumerate(written_by_python.items())
    ]
    client = make_client(DATABASE_URL=old_database.url)
    response = client.restore(**backups.write(COLLECTIONS, b"\r\n".join([OLD_HEADER, *records, b""])))
    assert response.status_code == 200, response.text
    found = old_database.fetch("SELECT document, cmetadata FROM langchain_pg_embedding")
    assert dict(found) == {name: meant for name, (_, meant) in written_by_python.items()}
    assert old_database.fetch("SELECT DISTINCT custom_id FROM langchain_pg_embedding") == [(None,)]


def test_an_empty_field_is_null_but_for_a_document(value: Any) -> None:
    nulls = "ARRAY[collection_id IS NULL, embedding IS NULL, document IS NULL, cmetadata IS NULL]"
    assert value(b"a,,,,", nulls) == [True, True, False, True]
    assert value(b"a,,,,", "document") == ""
    quoted = HEADER.replace(b",", b'","').join([b'"', b'"'])
    assert value(b'"a","","","",""', nulls, quoted) == [True, True, False, True]


def test_in_a_file_of_copy_nothing_is_null_and_quotes_are_an_empty_string(value: Any) -> None:
    assert value(b"a,,,,", "document IS NULL", newline=b"\n") is True
    assert value(b'a,,,"",', "document", newline=b"\n") == ""


TEXTS = {
    "quotes": 'she said "so", twice: ""',
    "commas": "one, two,, three",
    "line breaks of all kinds": "one\r\ntwo\nthree\rfour\r\n",
    "what ends COPY": "one\n\\.\ntwo",
    "what is NULL elsewhere": "\\N",
    "Chinese": "中文，带有“引号”和\n换行",
    "spaces around": "  text  ",
    "a megabyte": '长文本, "quoted"\r\n' * 40000,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_document_may_hold_anything(value: Any, text: str) -> None:
    field = '"' + text.replace('"', '""') + '"'
    assert value(b'a,DOCS,"[1]",' + field.encode() + b",{}", "document") == text


LOST = {
    "numpy's print": b"[0.1 0.2 0.3]",
    "numpy's print, cut short": b"[0.1 0.2 ... 0.9]",
    "over several lines": b'"[ 0.1  0.2\n  0.3  0.4]"',
    "its repr": b'"array([0.1, 0.2], dtype=float32)"',
}


@pytest.mark.parametrize("written", LOST.values(), ids=LOST)
def test_a_vector_that_numpy_printed_is_gone_and_the_answer_says_in_which_line(
    restore: Any, database: TestDatabase, written: bytes
) -> None:
    good = f'a,{DOCS},"[1,2]","two\r\nlines",{{}}\r\n'.encode()
    response = restore(HEADER + b"\r\n" + good + f"b,{DOCS},".encode() + written + b",text,{}\r\n")
    data = response.get_json()["data"]
    assert (response.status_code, data["error_type"]) == (422, "INVALID_BACKUP")
    details = data["details"]
    assert (details["file"], details["line"], details["column"]) == (EMBEDDING_FILE, 4, "embedding")
    assert written.decode()[1:6] not in response.text
    assert database.fetch("SELECT id FROM langchain_pg_embedding") == [BEFORE]


def test_the_reason_says_that_the_data_was_lost_when_it_was_written(restore: Any) -> None:
    response = restore(HEADER + f"\r\nb,{DOCS},[0.1 0.2 ... 0.9],text,{{}}\r\n".encode())
    assert "已丢失" in response.get_json()["data"]["details"]["reason"]


@pytest.mark.parametrize(
    "written",
    ["{'x': nan}", "{'x': -inf}", "nan", "[Decimal('1.0')]", "{'a'}", "{oops", "{'x': datetime.date(2025, 7, 1)}"],
)
def test_metadata_that_has_no_json_is_named_by_line(restore: Any, database: TestDatabase, written: str) -> None:
    good = f'a,{DOCS},"[1,2]",text,{{}}\r\n'.encode()
    bad = f'b,{DOCS},"[1,2]",text,"{written}"\r\n'.encode()
    response = restore(HEADER + b"\r\n" + good + bad)
    details = response.get_json()["data"]["details"]
    assert response.status_code == 422
    assert (details["file"], details["line"], details["column"]) == (EMBEDDING_FILE, 3, "cmetadata")
    assert database.fetch("SELECT id FROM langchain_pg_embedding") == [BEFORE]


UNREADABLE = {
    "no byte": b"",
    "a header alone": b"HEADER\r\n",
    "a header without a line end": b"HEADER",
    "a mark alone": b"\xef\xbb\xbf",
    "a page": b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n",
    "JSON": b'{"error": "not found"}\n',
    "a word": b"Forbidden\n",
    "zeros": bytes(4096),
    "another encoding": "HEADER\r\n".encode("utf-16"),
    "a column twice": b"HEADER,cmetadata\r\na,,,,,b\r\n",
    "a binary file": b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\xff\xff",
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_backup_is_refused_and_nothing_is_lost(restore: Any, database: TestDatabase, data: bytes) -> None:
    good = HEADER + b"\r\n" + f'a,{DOCS},"[1]",text,{{}}\r\n'.encode()
    for table, files in {
        "collection": (good, data.replace(b"HEADER", COLLECTIONS.splitlines()[0])),
        "embedding": (data.replace(b"HEADER", HEADER), COLLECTIONS),
    }.items():
        response = restore(*files)
        answer = response.get_json()["data"]
        assert (response.status_code, answer["error_type"]) == (422, "INVALID_BACKUP")
        assert answer["details"]["file"] == f"langchain_pg_{table}_20250722_010318.csv"
        assert database.fetch("SELECT id FROM langchain_pg_embedding") == [BEFORE]


def test_a_warning_says_that_nothing_vouches_for_such_a_file(restore: Any) -> None:
    response = restore(HEADER + f'\r\na,{DOCS},"[1]",text,{{}}\r\n'.encode())
    (warning,) = response.get_json()["data"]["warnings"]
    assert "没有清单" in warning


def test_the_names_of_columns_may_stand_in_quotes(value: Any) -> None:
    assert (
        value(b'a,DOCS,"[1]",text,{}', "id", header=b'"id","collection_id","embedding","document","cmetadata"') == "a"
    )


@pytest.mark.parametrize("header", [HEADER, OLD_HEADER], ids=["new", "old"])
def test_two_files_that_exchanged_their_names_are_told(
    client: Client, database: TestDatabase, backups: Any, header: bytes
) -> None:
    database.execute("INSERT INTO langchain_pg_embedding (id) VALUES (%s)", BEFORE)
    row = b",".join(b"" for _ in header.split(b","))
    body = backups.write(header + b"\r\n" + row + b"\r\n", COLLECTIONS)
    calls = [client.restore(**body, truncate_before_restore=True), client.restore(**body)]
    calls += [
        client.post(f"{PREFIX}{path}", json=given)
        for path, given in (("/compare", body), (f"/backups/global/{body['timestamp']}/verify", None))
    ]
    (problem, *_) = client.restore(**body, dry_run=True).get_json()["data"]["problems"]
    for found in (*(response.get_json()["data"] for response in calls), problem):
        assert found["error_type"] == "INVALID_BACKUP"
        assert found["details"]["file"] == "langchain_pg_collection_20250722_010318.csv"
        assert found["details"]["line"] == 1
    assert [response.status_code for response in calls] == [422] * len(calls)
    assert database.fetch("SELECT id FROM langchain_pg_embedding") == [BEFORE]
