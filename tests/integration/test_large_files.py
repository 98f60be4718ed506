"""Files large enough for worker processes: parsed in parallel, in order, errors named by their line in the file."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from data_pipeline.formats import csv_reader
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.names import DOCS, EMBEDDING

REPLACE = {"truncate_before_restore": True}
ROWS = 9_000
FILL = """
INSERT INTO langchain_pg_collection VALUES (%(docs)s, 'docs', NULL);
INSERT INTO langchain_pg_embedding
SELECT 'row ' || i, %(docs)s, (SELECT array_agg(sin(i * 64 + n)::real)::vector FROM generate_series(1, 96) n),
       E'文档 "quoted",\\nsecond line ' || i, jsonb_build_object('i', i)
FROM generate_series(1, %(rows)s) i
"""


@pytest.fixture
def client(make_client: Callable[..., Client], database: TestDatabase) -> Any:
    return make_client(DATABASE_URL=database.url, LOAD_WORKERS="2")


@pytest.fixture
def saved(client: Client, database: TestDatabase) -> dict[str, str]:
    """A table whose CSV takes several blocks; the body that restores it."""
    database.execute(FILL, {"docs": DOCS, "rows": ROWS})
    done = client.backup().get_json()["data"]
    assert done["tables_backed_up"][EMBEDDING]["file_bytes"] > 9 << 20
    return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}


def embedding_file(output_dir: Path, saved: dict[str, str]) -> Path:
    return output_dir / "vector_bak" / f"{EMBEDDING}_{saved['timestamp']}.csv"


def forget_manifest(output_dir: Path, saved: dict[str, str]) -> None:
    (output_dir / "vector_bak" / f"vector_backup_{saved['timestamp']}.json").unlink()


def workers() -> list[psutil.Process]:
    children = psutil.Process().children()
    return [child for child in children if "data_pipeline.formats.worker" in child.cmdline()]


@pytest.mark.parametrize("vouched", [True, False])
def test_a_large_file_comes_back_to_the_bit(
    client: Client, database: TestDatabase, saved: dict[str, str], bits: Any, output_dir: Path, vouched: bool
) -> None:
    if not vouched:
        forget_manifest(output_dir, saved)
    before = bits(database)
    response = client.restore(**saved, **REPLACE)
    assert response.get_json()["data"]["restore_results"][EMBEDDING]["rows_restored"] == ROWS
    assert len(workers()) == 2
    assert bits(database) == before


@pytest.mark.parametrize("file_format", ["csv", "binary"])
def test_one_collection_is_taken_out_of_a_large_file(
    client: Client, database: TestDatabase, saved: dict[str, str], bits: Any, output_dir: Path, file_format: str
) -> None:
    other = "22222222-2222-4222-8222-222222222222"
    database.execute("INSERT INTO langchain_pg_collection VALUES (%s, 'other', NULL)", (other,))
    database.execute("UPDATE langchain_pg_embedding SET collection_id = %s WHERE id LIKE '%%7'", (other,))
    done = client.backup(format=file_format).get_json()["data"]
    before = bits(database)
    database.execute("UPDATE langchain_pg_embedding SET document = 'changed' WHERE id LIKE '%%7'")
    body = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"], "collections": ["other"]}
    response = client.restore(**body, **REPLACE)
    assert response.get_json()["data"]["restore_results"][EMBEDDING]["rows_restored"] == ROWS // 10
    assert bits(database) == before


def test_an_error_in_a_chosen_row_of_a_late_block_is_named_by_its_line(
    client: Client, database: TestDatabase, saved: dict[str, str], bits: Any, output_dir: Path
) -> None:
    """Found by the server, which counts only the records it was sent."""
    file = embedding_file(output_dir, saved)
    text = file.read_bytes().replace(b'{""i"": 8000}', b'{""i"": 8000')
    lines = text.split(b"\n")
    number = next(n for n, line in enumerate(lines) if line.startswith(b"row 8000,"))
    lines = [line.replace(DOCS.encode(), b"") if line.startswith(b"row 1") else line for line in lines]
    file.write_bytes(b"\n".join(lines))
    forget_manifest(output_dir, saved)
    before = bits(database)
    response = client.restore(**saved, **REPLACE, collections=["docs"])
    data = response.get_json()["data"]
    assert (response.status_code, data["details"]["line"]) == (422, number + 1)
    assert bits(database) == before


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        (b'"[', b'"[x', "embedding"),  # found by a worker
        (b'{""i"": 8000}', b'{""i"": 8000', "cmetadata"),  # found by the server, which counts records
    ],
    ids=["vector", "json"],
)
def test_an_error_in_a_late_block_is_named_by_its_line(
    client: Client,
    database: TestDatabase,
    saved: dict[str, str],
    bits: Any,
    output_dir: Path,
    old: bytes,
    new: bytes,
    column: str,
) -> None:
    file = embedding_file(output_dir, saved)
    lines = file.read_bytes().split(b"\n")
    number = next(n for n, line in enumerate(lines) if line.startswith(b"row 8000,"))
    record = b"\n".join(lines[number : number + 2]).replace(old, new, 1)
    lines[number : number + 2] = record.split(b"\n")
    file.write_bytes(b"\n".join(lines))
    forget_manifest(output_dir, saved)
    before = bits(database)
    response = client.restore(**saved, **REPLACE)
    data = response.get_json()["data"]
    assert (response.status_code, data["error_type"]) == (422, "INVALID_BACKUP")
    assert (data["details"]["line"], data["details"]["column"]) == (number + 1, column)
    assert bits(database) == before


def test_a_flipped_bit_in_a_late_block_is_noticed(
    client: Client, database: TestDatabase, saved: dict[str, str], bits: Any, output_dir: Path
) -> None:
    file = embedding_file(output_dir, saved)
    data = bytearray(file.read_bytes())
    data[-1000] ^= 1
    file.write_bytes(data)
    before = bits(database)
    assert client.restore(**saved, **REPLACE).status_code == 422
    assert bits(database) == before


def test_a_worker_that_was_killed_is_replaced(
    client: Client, database: TestDatabase, saved: dict[str, str], bits: Any, output_dir: Path
) -> None:
    before = bits(database)
    assert client.restore(**saved, **REPLACE).status_code == 200
    for worker in workers():
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait(10)
    assert client.restore(**saved, **REPLACE).status_code == 200
    assert bits(database) == before


def test_a_long_record_is_looked_through_once_for_its_end(
    client: Client, database: TestDatabase, backups: Any, output_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = backups.write(
        f"uuid,name,cmetadata\n{DOCS},docs,{{}}\n".encode(),
        b'id,collection_id,embedding,document,cmetadata\na,,"[1]","' + b"x\n" * (10 << 20) + b'",\n',
    )
    looked_at: list[int] = []
    cut = csv_reader.cut

    def look(piece: bytes, *more: bool) -> Any:
        looked_at.append(len(piece))
        return cut(piece, *more)

    monkeypatch.setattr(csv_reader, "cut", look)
    assert client.restore(**body, **REPLACE).status_code == 200
    assert database.fetch("SELECT length(document) FROM langchain_pg_embedding") == [(20 << 20,)]
    assert sum(looked_at) == sum(path.stat().st_size for path in (output_dir / "vector_bak").iterdir())
