"""A backup that may be of the wrong thing says so: tables that it leaves out, a database that was not chosen, rows that
are gone."""

import shutil
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from data_pipeline.api import PREFIX
from data_pipeline.postgres_server import embedded
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.live_server import Launch, fresh
from tests.support.names import EMBEDDING

LEFT_OUT = "tables with vector columns that this backup leaves out: "
ENGLISH = {"Accept-Language": "en"}
NOT_CONFIGURED = "no database is configured"
READ_TOKEN = "the-token-that-only-reads"
TOKEN = "the-token-that-opens-everything"
ROWS = "INSERT INTO {} (embedding) SELECT '[1,2,3]' FROM generate_series(1, {})"


def backed_up(client: Client, **body: Any) -> list[str]:
    """The warnings of a backup, in English."""
    response = client.post(f"{PREFIX}/backup", json=body, headers=ENGLISH)
    assert response.status_code == 200, response.text
    warnings: list[str] = response.get_json()["data"]["warnings"]
    return warnings


def ready(client: Client, **headers: str) -> list[str]:
    """The warnings of /readyz, in English."""
    response = client.get("/readyz", headers={**ENGLISH, **headers})
    assert response.status_code == 200, response.text
    warnings: list[str] = response.get_json()["data"].get("warnings", [])
    return warnings


@pytest.fixture
def full(database: TestDatabase, fill: Callable[..., None]) -> TestDatabase:
    """A database with LangChain's rows, of which there is nothing to warn."""
    fill(database)
    return database


# Tables that are left out


def test_a_table_with_vectors_beside_is_named_with_its_rows(client: Client, full: TestDatabase) -> None:
    assert (backed_up(client), ready(client)) == ([], [])
    full.execute(f"CREATE TABLE kb_articles (embedding vector(3)); {ROWS.format('kb_articles', 900)}")
    expected = [f"{LEFT_OUT}public.kb_articles (900 rows)"]
    assert backed_up(client) == backed_up(client, collections=["docs"]) == expected
    assert backed_up(client, truncate_vector_tables=True) == expected
    assert client.backup().get_json()["data"]["warnings"][0] == (
        "本次备份未包含以下含向量列的表: public.kb_articles (900 行)"
    )


def test_a_job_tells_it_too(client: Client, full: TestDatabase) -> None:
    full.execute("CREATE TABLE kb_articles (embedding vector(3))")
    job = client.backup(**{"async": True}).get_json()["data"]["job_id"]
    deadline = time.monotonic() + 60
    while (told := client.get(f"{PREFIX}/jobs/{job}", headers=ENGLISH).get_json()["data"])["state"] != "SUCCEEDED":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert told["result"]["warnings"] == [f"{LEFT_OUT}public.kb_articles (0 rows)"]


def test_every_schema_is_looked_through_and_each_table_counts_once(client: Client, full: TestDatabase) -> None:
    full.execute(
        "CREATE SCHEMA kb; CREATE DOMAIN kb.meaning AS vector(3);"
        "CREATE TABLE kb.split (n int, embedding vector(3)) PARTITION BY RANGE (n);"
        "CREATE TABLE kb.low PARTITION OF kb.split FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (n);"
        "CREATE TABLE kb.lowest PARTITION OF kb.low FOR VALUES FROM (0) TO (5);"
        "CREATE TABLE kb.high PARTITION OF kb.split FOR VALUES FROM (10) TO (20);"
        "INSERT INTO kb.split VALUES (1, '[1,2,3]'), (2, '[1,2,3]'), (11, '[1,2,3]');"
        'CREATE TABLE kb."Half, quoted" (embedding halfvec(3)); CREATE TABLE kb.domained (embedding kb.meaning);'
        "ANALYZE"
    )
    full.execute(
        "CREATE TABLE kb.plain (n int); CREATE VIEW kb.seen AS SELECT * FROM kb.split;"
        "CREATE MATERIALIZED VIEW kb.kept AS SELECT * FROM kb.split;"
        "CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;"
        "CREATE FOREIGN TABLE kb.far (embedding vector(3)) SERVER nowhere;"
        "CREATE TABLE kb.part_of_it (embedding vector(3)); ALTER EXTENSION vector ADD TABLE kb.part_of_it;"
        "CREATE TABLE kb.once (n int, embedding vector(3)); ALTER TABLE kb.once DROP COLUMN embedding"
    )
    with closing(full.connect()) as other:
        other.cursor().execute("CREATE TEMPORARY TABLE passing (embedding vector(3))")
        expected = [f"{LEFT_OUT}kb.split (3 rows), kb.Half, quoted (0 rows), kb.domained (0 rows)"]
        assert (backed_up(client), ready(client)) == (expected, expected)
    full.execute("CREATE TABLE public.more (e vector); CREATE TABLE public.most (e vector)")
    assert backed_up(client) == [f"{expected[0]}, and 2 more"]


def test_what_an_own_table_is_called_in_another_schema_is_left_out(client: Client, full: TestDatabase) -> None:
    full.execute(f"CREATE SCHEMA old; CREATE TABLE old.{EMBEDDING} (embedding vector(3))")
    assert backed_up(client) == [f"{LEFT_OUT}old.{EMBEDDING} (0 rows)"]


def test_rows_are_counted_where_that_is_quick_and_else_estimated(client: Client, full: TestDatabase) -> None:
    full.execute(f"CREATE TABLE large (embedding vector(3)); {ROWS.format('large', 10_001)}")
    full.execute("ALTER TABLE large SET (autovacuum_enabled = off)")
    (said,) = backed_up(client)
    assert said in (f"{LEFT_OUT}public.large (more than 10000 rows)", f"{LEFT_OUT}public.large (about 10001 rows)")
    full.execute("ANALYZE large")
    assert backed_up(client) == [f"{LEFT_OUT}public.large (about 10001 rows)"]


def test_a_table_that_is_locked_or_hidden_is_not_waited_for(
    make_client: Callable[..., Client], full: TestDatabase, role: Any
) -> None:
    full.execute(
        "CREATE SCHEMA hidden; CREATE TABLE hidden.secret (embedding vector(3));"
        "CREATE TABLE mine (embedding vector(3)); CREATE TABLE theirs (embedding vector(3));"
        "ALTER TABLE mine SET (autovacuum_enabled = off); ALTER TABLE theirs SET (autovacuum_enabled = off)"
    )
    role.may("SELECT", "langchain_pg_collection", EMBEDDING, "mine")
    client = make_client(DATABASE_URL=role.url)
    counted, unknown = "public.mine (0 rows)", "public.mine (number of rows unknown)"
    assert backed_up(client) == [f"{LEFT_OUT}{counted}, public.theirs (number of rows unknown)"]
    with closing(full.connect()) as holder:
        holder.cursor().execute("LOCK TABLE mine IN ACCESS EXCLUSIVE MODE")
        assert backed_up(client) == [f"{LEFT_OUT}{unknown}, public.theirs (number of rows unknown)"]


def test_only_a_caller_that_may_do_everything_is_told_by_readyz(
    make_client: Callable[..., Client], full: TestDatabase
) -> None:
    full.execute("CREATE TABLE kb_articles (embedding vector(3))")
    client = make_client(DATABASE_URL=full.url, API_TOKEN=TOKEN, API_READ_TOKEN=READ_TOKEN)
    assert ready(client) == ready(client, Authorization=f"Bearer {READ_TOKEN}") == []
    assert ready(client, Authorization=f"Bearer {TOKEN}") == [f"{LEFT_OUT}public.kb_articles (0 rows)"]


# Rows that are gone


def test_empty_tables_are_told(client: Client, database: TestDatabase) -> None:
    assert backed_up(client) == [f"0 rows were backed up: {EMBEDDING} is empty (database {database.dbname})"]


def test_less_than_half_of_the_last_set_is_told(
    client: Client, full: TestDatabase, second_database: TestDatabase
) -> None:
    first = client.backup().get_json()["data"]["backup_timestamp"]
    full.execute(f"DELETE FROM {EMBEDDING} WHERE id <> 'plain'")
    assert backed_up(client, collections=["docs"]) == []
    assert backed_up(client) == [
        f"1 rows of {EMBEDDING} were backed up, less than half of the 6 in this database's last set {first}"
    ]
    assert backed_up(client) == []
    second_database.execute(f"INSERT INTO {EMBEDDING} (id, embedding) VALUES ('a', '[1,2,3]')")
    assert backed_up(client, pg_conn=second_database.url) == []


def test_a_last_set_that_is_damaged_is_passed_over(client: Client, full: TestDatabase, output_dir: Path) -> None:
    first = client.backup().get_json()["data"]["backup_timestamp"]
    second = client.backup().get_json()["data"]["backup_timestamp"]
    (output_dir / "vector_bak" / f"vector_backup_{second}.json").write_bytes(b"{}")
    full.execute(f"DELETE FROM {EMBEDDING} WHERE id <> 'plain'")
    (said,) = backed_up(client)
    assert said.endswith(f"last set {first}")


# A database that was not chosen


@pytest.fixture
def launch() -> Launch:
    """As users start it: from its first line."""
    return fresh


@pytest.fixture
def home() -> Iterator[str]:
    """Not pytest's own directory: the path of a socket is short, and root's PostgreSQL runs as another user."""
    path = Path(tempfile.mkdtemp(prefix="pg-home-")).resolve()
    yield str(path)
    shutil.rmtree(path)


def test_the_embedded_server_is_warned_of_unless_it_is_meant(make_client: Callable[..., Client], home: str) -> None:
    unnamed = make_client(EMBEDDED_DATA_DIR=home)
    meant = make_client(EMBEDDED_DATA_DIR=home, DATABASE_URL="embedded")
    try:
        first, second = backed_up(unnamed)
        assert first.startswith(NOT_CONFIGURED)
        assert second.startswith("0 rows were backed up")
        assert ready(unnamed) == [first]
        assert backed_up(meant) == [second]
        assert ready(meant) == []
        for client, shown in ((unnamed, None), (meant, "embedded")):
            assert client.get(f"{PREFIX}/settings").get_json()["data"]["settings"]["DATABASE_URL"] == shown
    finally:
        embedded.start(Path(home)).stop()


@pytest.mark.parametrize("command", [(), ("worker",)])
def test_a_schedule_without_a_database_stops_the_start(
    start_server: Callable[..., Any], command: tuple[str, ...]
) -> None:
    server = start_server(*command, BACKUP_SCHEDULE="0 3 * * *", DATABSE_URL="postgresql://ann:pa55-word@db/docs")
    assert server.process.wait(60) == 1
    assert server.log.splitlines() == [
        "unified_api: BACKUP_SCHEDULE needs a database: set DATABASE_URL, to embedded if the embedded PostgreSQL is"
        " meant; is DATABSE_URL meant to be DATABASE_URL?"
    ]


def test_a_schedule_of_the_embedded_server_is_allowed_where_it_is_meant(
    start_server: Callable[..., Any], home: str
) -> None:
    env = {"BACKUP_SCHEDULE": "0 3 * * *", "EMBEDDED_DATA_DIR": home}
    server = start_server(DATABASE_URL="embedded", **env)
    with urllib.request.urlopen(f"http://{server.address}/readyz") as response:
        assert response.status == 200
    assert server.stop() == 0
    assert NOT_CONFIGURED not in server.log


def test_a_start_without_a_database_says_so_and_serves(start_server: Callable[..., Any], home: str) -> None:
    server = start_server(EMBEDDED_DATA_DIR=home, DATABASEURL="postgresql://ann:pa55-word@db/docs")
    assert server.address
    assert server.stop() == 0
    assert f"{NOT_CONFIGURED}, so the embedded one is used" in server.log
    assert "is DATABASEURL meant to be DATABASE_URL?" in server.log
    assert "pa55-word" not in server.log
