"""Round trips of real databases, on every server that is here: what comes back is, as text, what was there."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from data_pipeline.api import BASE
from data_pipeline.postgres_server.cluster import binaries
from tests.conftest import EMPTY, NEW, Databases, Server, Template, TestDatabase
from tests.integration.conftest import Client
from tests.integration.whole_databases import export, imported, plain_dump, voice
from tests.support.answers import data_of

HNSW = """
CREATE INDEX ON langchain_pg_embedding USING hnsw ((embedding::vector(3)) vector_cosine_ops);
INSERT INTO langchain_pg_collection VALUES (gen_random_uuid(), 'docs', '{}');
INSERT INTO langchain_pg_embedding
    SELECT n::text, (SELECT uuid FROM langchain_pg_collection), ARRAY[n, 1, -n]::real[]::vector, '文本', '{"n": 1}'
    FROM generate_series(1, 500) n;
"""


def langchain(database: TestDatabase) -> None:
    database.execute(HNSW)


def pgbench(database: TestDatabase) -> None:
    subprocess.run(
        [binaries() / "pgbench", "-q", "-i", "-s", "1", "-d", database.url], check=True, stderr=subprocess.DEVNULL
    )


Fill = Callable[[TestDatabase], None]
SHAPES: list[tuple[Fill, Template]] = [(voice, EMPTY), (langchain, NEW), (pgbench, EMPTY)]


@pytest.mark.parametrize("major", [16, 18])
@pytest.mark.parametrize(("fill", "template"), SHAPES)
@pytest.mark.slow
def test_what_comes_back_is_what_was_there(
    request: pytest.FixtureRequest, make_client: Callable[..., Client], fill: Fill, template: Template, major: int
) -> None:
    made: Databases = request.getfixturevalue("databases" if major == 18 else "older_databases")
    database = made.like(template, "round_trip")
    try:
        fill(database)
        client = make_client(DATABASE_URL=database.url)
        before = plain_dump(database, major)
        archive = export(client)
        imported(client, archive, cleanFirst="true", trusted="true")
        assert plain_dump(database, major) == before
        saved = data_of(client.post(f"{BASE}/databases/backup"))
        named = {"backup_path": saved["backup_directory"], "timestamp": saved["backup_timestamp"]}
        body: dict[str, Any] = {"set": named, "mode": "new_database", "trusted": True}
        done = data_of(client.post(f"{BASE}/databases/restore", json=body))
        beside = TestDatabase(database.server, done["database"])
        assert plain_dump(beside, major) == before
        made.remove(beside)
    finally:
        made.remove(database)


DISTRIBUTION = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), None)


@contextmanager
def _distribution() -> Iterator[Server]:
    """The distribution's server, as the user that its package makes."""
    assert DISTRIBUTION is not None
    programs, home = DISTRIBUTION.parent, Path(tempfile.mkdtemp(prefix="pg-distribution-"))
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(home, "postgres")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    control = [*as_user, str(programs / "pg_ctl"), "-s", "-w", "-D", str(home / "data")]
    options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c fsync=off"
    subprocess.run(
        [*as_user, str(DISTRIBUTION), "-D", str(home / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=home,
    )
    subprocess.run([*control, "-l", str(home / "log"), "-o", options, "start"], check=True, cwd=home)
    try:
        yield Server("127.0.0.1", port, "postgres", None, "postgres")
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, cwd=home)
        shutil.rmtree(home, ignore_errors=True)


@pytest.mark.skipif(DISTRIBUTION is None, reason="the distribution's PostgreSQL is not installed")
@pytest.mark.parametrize("fill", [voice, pgbench])
@pytest.mark.slow
def test_the_distributions_database_goes_upward(
    make_client: Callable[..., Client], empty_database: TestDatabase, fill: Fill
) -> None:
    with _distribution() as server:
        source = TestDatabase(server, "source")
        admin = psycopg2.connect(TestDatabase(server, "postgres").url)
        admin.autocommit = True
        admin.cursor().execute("CREATE DATABASE source")
        fill(source)
        client = make_client(DATABASE_URL=source.url)
        archive, before = export(client), plain_dump(source)
        rows = plain_dump(source, 18, "--data-only")  # servers of other versions print views in other ways
        imported(client, archive, cleanFirst="true", trusted="true")
        assert plain_dump(source) == before
        source.close()
        admin.close()
    empty_database.execute("DROP EXTENSION vector")
    imported(make_client(DATABASE_URL=empty_database.url), archive, cleanFirst="true", trusted="true")
    assert plain_dump(empty_database, 18, "--data-only") == rows
