"""Texts that no codec knows for certain, in files whose rows go to the server in binary otherwise."""

from typing import Any

import pytest

from data_pipeline.api import PREFIX
from tests.conftest import TestDatabase
from tests.integration.conftest import Client

DOCS = "00000000-0000-4000-8000-000000000001"
COLLECTIONS = f"uuid,name,cmetadata\n{DOCS},docs,{{}}\n".encode()
HEADER = b"id,collection_id,embedding,document,cmetadata,seen,took,tags\n"
COLUMNS = "ALTER TABLE langchain_pg_embedding ADD seen timestamptz, ADD took interval, ADD tags text[]"
KNOWN = f'a,{DOCS},"[1,-0]",x,{{}},2026-01-02 03:04:05.5+08,1 mon -00:00:01,"{{x,NULL}}"\n'.encode()
ODD = f'b,{DOCS},"[.5,1]","",,"January 8, 1999 04:05:06 PST",@ 3 days ago,"{{ y , z}}"\n'.encode()
BAD = f'b,{DOCS},"[1,2]",,,the day before,,\n'.encode()
ROWS = "SELECT id, embedding::text, document, seen, took, tags FROM langchain_pg_embedding ORDER BY id"
MODES: list[dict[str, Any]] = [{"truncate_before_restore": True}, {"strategy": "sync"}, {"on_conflict": "update"}, {}]


def filler(size: int) -> bytes:
    row = b"%d,,,%s,,2026-01-02 03:04:05+00,00:00:01,{}\n"
    return b"".join(row % (number, b"x" * 2000) for number in range(size // 2000))


def as_the_server_reads_it(database: TestDatabase, body: bytes, tmp_path: Any) -> list[tuple[Any, ...]]:
    connection = database.connect()
    cursor = connection.cursor()
    cursor.execute(f"INSERT INTO langchain_pg_collection VALUES ('{DOCS}', 'docs', '{{}}')")
    path = tmp_path / "theirs.csv"
    path.write_bytes(HEADER + body)
    with path.open("rb") as file:
        cursor.copy_expert(
            f"COPY langchain_pg_embedding ({HEADER.decode().strip()}) FROM STDIN (FORMAT csv, HEADER)", file
        )
    cursor.execute(ROWS)
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    connection.rollback()
    return rows


@pytest.mark.parametrize("size", [0, 3 << 20, 10 << 20], ids=["one block", "several", "in workers"])
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_they_are_stored_as_the_server_reads_them(
    client: Client, database: TestDatabase, backups: Any, tmp_path: Any, mode: Any, size: int
) -> None:
    database.execute(COLUMNS)
    body = KNOWN + filler(size) + ODD
    expected = as_the_server_reads_it(database, body, tmp_path)
    answer = client.restore(**backups.write(COLLECTIONS, HEADER + body), **mode, dialect="copy").get_json()["data"]
    assert answer["restore_results"]["langchain_pg_embedding"]["rows_restored"] == len(expected)
    assert database.fetch(ROWS) == expected


@pytest.mark.parametrize("before", [0, 3 << 20])
def test_one_that_the_server_refuses_is_named_by_its_line(
    client: Client, database: TestDatabase, backups: Any, bits: Any, before: int
) -> None:
    database.execute(COLUMNS)
    body = KNOWN + filler(before) + BAD
    response = client.restore(**backups.write(COLLECTIONS, HEADER + body), atomic=True, dialect="copy")
    assert response.status_code == 422
    details = response.get_json()["data"]["details"]
    assert (details["line"], details["column"]) == (2 + body.count(b"\n") - 1, "seen")
    assert bits(database) == []


def test_a_rehearsal_and_a_verification_read_them_too(client: Client, database: TestDatabase, backups: Any) -> None:
    database.execute(COLUMNS)
    body = backups.write(COLLECTIONS, HEADER + KNOWN + ODD)
    told = client.restore(**body, dry_run=True, dialect="copy").get_json()["data"]
    assert told["would_succeed"] is True
    verified = client.post(f"{PREFIX}/backups/global/{body['timestamp']}/verify")
    assert verified.status_code == 200


def test_what_is_certain_is_checked_in_a_file_that_goes_as_text(
    client: Client, database: TestDatabase, backups: Any
) -> None:
    database.execute(COLUMNS)
    orphan = KNOWN.replace(DOCS.encode(), DOCS.replace("1", "2").encode())
    response = client.restore(**backups.write(COLLECTIONS, HEADER + ODD + orphan), atomic=True, dialect="copy")
    assert response.get_json()["data"]["error_type"] == "ORPHAN_ROWS"
    assert response.get_json()["data"]["details"]["line"] == 3
