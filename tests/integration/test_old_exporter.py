"""Files written the way the old exporter did: csv.writer over psycopg2's rows of real tables."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.names import COLLECTION, DOCS, EMBEDDING

OTHER = "22222222-2222-4222-8222-222222222222"
METADATA: list[Any] = [
    {"n": 1, "ok": True, "no": False, "x": None, "f": 0.1, "big": 12345678901234567890, "small": 1e-300},
    {"q": "it's", "d": 'say "so"', "both": 'it\'s "so"', "back": "a\\b\\'c\\\"d\\", "end": "\\"},
    {"名": "值 😀", "line": "one\ntwo\r\nthree\rfour", "tab": "\t", "control": "\x01\x7f\x85\xa0\u2028\ufeff"},
    {"nested": {"deep": [1, [2, [3, {"x": [None, True, {}]}]]]}, "empty": {}, "": ""},
    {"words": "True None False nan inf", "like a dict": "{'a': 1}", "like json": '{"a": null}'},
    {"comma, in key": "a,b;c", "'": '"', '"': "'", "'\"": "\"'"},
    [1, "two", None, {"three": [3.0, -0.5]}],
    ["it's", 'a "list"', True],
    [],
    {},
    "a string",
    "字符串, with \"quotes\" and 'more'",
    "line\nbreak",
    42,
    -1.5,
    True,
    False,
    None,
]
DOCUMENTS = [
    "",
    "plain",
    'with "quotes", commas, and\nline\r\nbreaks\r',
    "中文文档，带有“引号”",
    "\\.\n\\N\nNULL None",
    "  spaces  ",
    "长" * 350_000,
    "a\tb\x01c\u2028d😀",
]
VECTORS = ["[1,2,3]", "[-0,0,1e-45]", "[3.4028235e+38,-1.1754944e-38,0.1]", "[0.33333334,16777216,7e-10]", None]


def export(database: TestDatabase, table: str, path: Path) -> None:
    """What the old tool did: fetch all, write the names and the rows."""
    connection = database.connect()
    cursor = connection.cursor()
    cursor.execute(f"SELECT * FROM {table}")
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([column.name for column in cursor.description or ()])
        writer.writerows(cursor.fetchall())
    connection.close()


def put_collections(database: TestDatabase) -> None:
    for uuid, name, metadata in ((DOCS, "docs", METADATA[0]), (OTHER, "其他, 'quoted'", None)):
        database.execute(
            f"INSERT INTO {COLLECTION} (uuid, name, cmetadata) VALUES (%s, %s, %s)",
            (uuid, name, None if metadata is None else json.dumps(metadata)),
        )


def rows() -> list[tuple[Any, ...]]:
    """A number, a vector, a document and metadata: every one of each, NULL metadata included."""
    return [
        (n, VECTORS[n % len(VECTORS)], DOCUMENTS[n % len(DOCUMENTS)], None if value is None else json.dumps(value))
        for n, value in enumerate(METADATA)
    ]


def everything(database: TestDatabase, key: str) -> list[tuple[Any, ...]]:
    """All values of both tables, vectors and texts to the bit, JSON as what it means."""
    return [
        *database.fetch(f"SELECT uuid::text, name, cmetadata FROM {COLLECTION} ORDER BY 1"),
        *database.fetch(
            f"SELECT {key}, collection_id::text, embedding::text, document, cmetadata FROM {EMBEDDING} ORDER BY 1"
        ),
    ]


@pytest.fixture
def export_and_restore(make_client: Callable[..., Client], backups: Any) -> Callable[[Any], dict[str, Any]]:
    """Export both tables the old way, empty them, and restore; the answer's data."""

    def run(database: TestDatabase) -> dict[str, Any]:
        for table in (COLLECTION, EMBEDDING):
            export(database, table, backups.directory() / f"{table}_20250722_010318.csv")
        database.execute(f"TRUNCATE {COLLECTION}, {EMBEDDING}")
        client = make_client(DATABASE_URL=database.url)
        response = client.restore(**backups.named(), truncate_before_restore=True)
        assert response.status_code == 200, response.text
        data: dict[str, Any] = response.get_json()["data"]
        return data

    return run


def test_every_value_of_the_new_tables_comes_back(database: TestDatabase, export_and_restore: Any) -> None:
    put_collections(database)
    for number, vector, document, metadata in rows():
        database.execute(
            f"INSERT INTO {EMBEDDING} VALUES (%s, %s, %s, %s, %s)",
            (f"id '{number}', \"quoted\"", DOCS if number % 3 else None, vector, document, metadata),
        )
    before = everything(database, "id")
    data = export_and_restore(database)
    assert everything(database, "id") == before
    assert data["restore_results"][EMBEDDING]["rows_restored"] == len(METADATA)


def test_every_value_of_the_old_tables_comes_back(old_database: TestDatabase, export_and_restore: Any) -> None:
    put_collections(old_database)
    for number, vector, document, metadata in rows():
        old_database.execute(
            f"INSERT INTO {EMBEDDING} (uuid, custom_id, collection_id, embedding, document, cmetadata)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            (
                f"00000000-0000-4000-8000-{number:012}",
                f"custom, {number}" if number % 2 else None,
                DOCS if number % 3 else None,
                vector,
                document,
                metadata,
            ),
        )
    before = everything(old_database, "uuid::text || coalesce(custom_id, ' none')")
    data = export_and_restore(old_database)
    assert everything(old_database, "uuid::text || coalesce(custom_id, ' none')") == before
    assert data["restore_results"][EMBEDDING]["rows_restored"] == len(METADATA)


def test_what_the_exporter_could_not_tell_apart_comes_back_as_one_of_them(
    database: TestDatabase, export_and_restore: Any
) -> None:
    database.execute(
        f"INSERT INTO {EMBEDDING} (id, document, cmetadata)"
        " VALUES ('1', NULL, NULL), ('2', '', 'null'), ('3', 'x', '\"\"')"
    )
    put_collections(database)
    export_and_restore(database)
    assert database.fetch(f"SELECT id, document, cmetadata IS NULL FROM {EMBEDDING} ORDER BY 1") == [
        ("1", "", True),
        ("2", "", True),
        ("3", "x", True),
    ]


def test_many_rows_come_back_in_blocks(
    database: TestDatabase, make_client: Callable[..., Client], backups: Any, bits: Any
) -> None:
    database.execute(f"INSERT INTO {COLLECTION} VALUES (%s, 'docs')", (DOCS,))
    database.execute(
        f"INSERT INTO {EMBEDDING} SELECT n, %s, ARRAY(SELECT sin(n * 1000 + i) FROM generate_series(1, 64) i)::vector,"
        " repeat(E'line, \"quoted\"\\r\\n', n %% 900), jsonb_build_object('n', n, 'q', 'it''s')"
        " FROM generate_series(1, 1500) n",
        (DOCS,),
    )
    before = bits(database, EMBEDDING)
    for table in (COLLECTION, EMBEDDING):
        export(database, table, backups.directory() / f"{table}_20250722_010318.csv")
    assert (backups.directory() / f"{EMBEDDING}_20250722_010318.csv").stat().st_size > 9 << 20
    client = make_client(DATABASE_URL=database.url, LOAD_WORKERS="2")
    assert client.restore(**backups.named(), truncate_before_restore=True).status_code == 200
    assert bits(database, EMBEDDING) == before
