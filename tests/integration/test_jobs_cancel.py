"""Cancelling in every phase, while the database is busy: it ends at once, and nothing has changed."""

import json
import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest

from data_pipeline.api import PREFIX
from data_pipeline.api.vector_restore_manager import VectorRestoreManager
from data_pipeline.engine import Engine
from data_pipeline.postgres.progress import Cancelled, Progress
from data_pipeline.settings import Settings
from data_pipeline.trainer.vector_table_manager import VectorTableManager
from tests.conftest import TestDatabase
from tests.support.names import EMBEDDING

FINAL = ("SUCCEEDED", "PARTIAL", "FAILED", "CANCELLED", "INTERRUPTED")
# Each makes the server sleep in one phase of a restore, for much longer than any test waits.
STALLS = {
    "load": """
        CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END';
        CREATE TRIGGER stall BEFORE INSERT ON langchain_pg_embedding FOR EACH ROW EXECUTE FUNCTION stall()""",
    "index": """
        CREATE FUNCTION stall(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS
            'BEGIN IF current_query() LIKE ''SET LOCAL%; CREATE INDEX%'' THEN PERFORM pg_sleep(60); END IF;
             RETURN $1; END';
        CREATE INDEX stall ON langchain_pg_embedding (stall(id))""",
    "check": """
        CREATE FUNCTION stall(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS
            'BEGIN IF current_query() LIKE ''SET LOCAL%; ANALYZE%'' THEN PERFORM pg_sleep(60); END IF;
             RETURN $1; END';
        CREATE INDEX stall ON langchain_pg_embedding (stall(id))""",
}


class Api:
    """The service as a process."""

    def __init__(self, address: str) -> None:
        self._address = address

    def call(self, method: str, path: str, body: Any = None) -> Any:
        with closing(HTTPConnection(self._address, timeout=30)) as connection:
            connection.request(method, PREFIX + path, json.dumps(body) if body is not None else None)
            return json.load(connection.getresponse())["data"]

    def until(self, job_id: str, reached: Callable[[Any], bool]) -> Any:
        deadline = time.monotonic() + 60
        while not reached(job := self.call("GET", f"/jobs/{job_id}")):
            assert time.monotonic() < deadline, job
            time.sleep(0.02)
        return job


@pytest.fixture
def api(jobs_database: TestDatabase, live_server_with: Callable[..., Any]) -> Api:
    return Api(live_server_with(JOBS_DATABASE_URL=jobs_database.url).address)


@pytest.fixture
def live_server_with(start_server: Callable[..., Any], database: TestDatabase) -> Callable[..., Any]:
    return lambda **env: start_server(DATABASE_URL=database.url, **env)


@pytest.mark.parametrize("phase", ["verify", "load", "index", "check"])
def test_a_restore_is_cancelled_in_each_phase(
    api: Api, database: TestDatabase, fill: Any, bits: Any, small_set: dict[str, str], phase: str
) -> None:
    fill(database)
    holder = database.connect()
    if phase == "verify":
        holder.cursor().execute(f"LOCK TABLE {EMBEDDING} IN ACCESS SHARE MODE")
    else:
        database.execute(STALLS[phase])
    before = bits(database)
    body = {**small_set, "truncate_before_restore": True, "async": True}
    job_id = api.call("POST", "/restore", body)["job_id"]
    stalled = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event IS NOT NULL"
    stalled += " AND state = 'active' AND application_name = 'vector-restore'"
    api.until(job_id, lambda job: job["state"] == "RUNNING" and (job["progress"] or {}).get("phase") == phase)
    while database.fetch(stalled) == [(0,)]:
        time.sleep(0.01)
    api.call("POST", f"/jobs/{job_id}/cancel")
    job = api.until(job_id, lambda job: job["state"] in FINAL)  # long before the server would have woken up
    assert (job["state"], job["result"], job["error"]) == ("CANCELLED", None, None)
    holder.rollback()
    assert bits(database) == before
    assert database.fetch("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [(0,)]


def test_a_restore_that_adds_rows_is_cancelled_whole(
    api: Api, database: TestDatabase, fill: Any, bits: Any, backups: Any
) -> None:
    """Where a failed table would be skipped, a cancelled one ends it all."""
    fill(database)
    database.execute(STALLS["load"])
    before = bits(database)
    other = "33333333-3333-4333-8333-333333333333"
    body = backups.write(
        f"uuid,name,cmetadata\n{other},other,{{}}\n".encode(),
        f'id,collection_id,embedding,document,cmetadata\nz,{other},"[1,2,3]",first,{{}}\n'.encode(),
    )
    job_id = api.call("POST", "/restore", {**body, "async": True})["job_id"]
    api.until(job_id, lambda job: (job["progress"] or {}).get("table") == EMBEDDING)
    api.call("POST", f"/jobs/{job_id}/cancel")
    assert api.until(job_id, lambda job: job["state"] in FINAL)["state"] == "CANCELLED"
    assert bits(database) == before


# In this process, at the very moment a phase begins


class CancelledAt(Progress):
    """Cancels when a phase begins, or when so many rows have passed."""

    def __init__(self, phase: str = "", table: str | None = None, rows: int = -1) -> None:
        self.seen: list[tuple[str, str | None]] = []
        self._at = (phase, table)
        self._rows = rows
        self._cancelled = False

    def enter(self, phase: str, table: str | None) -> None:
        self.seen.append((phase, table))
        self._cancelled |= self._at == (phase, table)

    def advance(self, _size: int, rows: int) -> None:
        self._rows -= rows
        self._cancelled |= self._rows == 0
        self.expect_wanted()

    def expect_wanted(self) -> None:
        if self._cancelled:
            raise Cancelled

    def settle(self) -> None:
        self.expect_wanted()


@pytest.fixture
def engine(output_dir: Any, database: TestDatabase) -> Engine:
    return Engine.build(Settings.load({"OUTPUT_DIRECTORY": str(output_dir), "DATABASE_URL": database.url}))


MODES: dict[str, dict[str, Any]] = {
    "replace": {"truncate_before_restore": True},
    "append": {},
    "sync": {"strategy": "sync"},
}
MOMENTS = [
    *((mode, moment) for mode in MODES for moment in (("load", "langchain_pg_collection"), ("load", EMBEDDING))),
    *(("replace", moment) for moment in (("verify", None), ("index", None), ("index", EMBEDDING), ("check", None))),
    ("sync", ("check", None)),
]


@pytest.mark.parametrize(("mode", "moment"), MOMENTS)
def test_whenever_a_restore_is_cancelled_nothing_has_changed(
    engine: Engine,
    database: TestDatabase,
    fill: Any,
    bits: Any,
    backups: Any,
    mode: str,
    moment: tuple[str, str | None],
) -> None:
    fill(database)
    before = bits(database)
    other = "33333333-3333-4333-8333-333333333333"
    body = backups.write(
        f"uuid,name,cmetadata\n{other},other,{{}}\n".encode(),
        f'id,collection_id,embedding,document,cmetadata\nz,{other},"[1,2,3]",first,{{}}\n'.encode(),
    )
    progress = CancelledAt(*moment)
    with pytest.raises(Cancelled):
        VectorRestoreManager(engine=engine).restore_from_backup(**body, **MODES[mode], progress=progress)
    assert moment in progress.seen
    assert bits(database) == before


@pytest.mark.parametrize("truncate", [False, True])
@pytest.mark.parametrize("progress", [("load", EMBEDDING), ("check", None), 8])
def test_a_cancelled_backup_lists_nothing_and_leaves_nothing(
    engine: Engine, database: TestDatabase, fill: Any, bits: Any, output_dir: Any, progress: Any, truncate: bool
) -> None:
    fill(database)
    before = bits(database)
    at = CancelledAt(rows=progress) if isinstance(progress, int) else CancelledAt(*progress)
    with pytest.raises(Cancelled):
        VectorTableManager(str(output_dir), engine=engine).execute_vector_management(truncate=truncate, progress=at)
    assert [path.name for path in (output_dir / "vector_bak").iterdir()] == ["vector_backup_log.txt"]
    assert "已取消" in (output_dir / "vector_bak" / "vector_backup_log.txt").read_text(encoding="utf-8")
    assert bits(database) == before


def test_a_backup_that_is_cancelled_before_it_truncates_keeps_set_and_rows(
    engine: Engine, database: TestDatabase, fill: Any, bits: Any, output_dir: Any
) -> None:
    fill(database)
    before = bits(database)
    progress = CancelledAt("verify", None)
    with pytest.raises(Cancelled):
        VectorTableManager(str(output_dir), engine=engine).execute_vector_management(truncate=True, progress=progress)
    assert bits(database) == before
    assert len(engine.catalog.scan(global_only=True, task_id=None).locations[0].sets) == 1
