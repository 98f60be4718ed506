"""`python unified_api.py …` as a process of its own: what it does, what it prints, and how it ends."""

import fcntl
import json
import os
import re
import select
import signal
import struct
import subprocess
import sys
import tarfile
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from data_pipeline.api import PREFIX
from data_pipeline.version import VERSION
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.test_jobs_cancel import STALLS
from tests.live_server import FORKS, run_command

PROJECT = Path(__file__).resolve().parents[2]
BROKEN = b'id,collection_id,embedding,document,cmetadata\na,,"[1,2",text,{}\n'
NEVER = "20250722_999999"
REPLACE = ("--truncate-before-restore", "--yes")


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


class Running:
    """A command under way."""

    def __init__(self, process: ForkServerProcess, out: Path, err: Path) -> None:
        self._process = process
        self._out, self._err = out, err

    def send_signal(self, number: int) -> None:
        assert self._process.pid
        os.kill(self._process.pid, number)

    def end(self) -> Done:
        self._process.join(60)
        assert self._process.exitcode is not None
        return Done(self._process.exitcode, *(path.read_text(encoding="utf-8") for path in (self._out, self._err)))

    def close(self) -> None:
        self._process.kill()
        self._process.join()


class CommandLine:
    """Starts commands with one service's settings, in processes that are forked once everything is imported.

    As users start them, from the first line, test_start.py and the commands of the documentation do.
    """

    def __init__(self, env: dict[str, str], secret: str | None, directory: Path) -> None:
        self._env = env
        self._secret = secret
        self._directory = directory
        self._started: list[Running] = []

    def with_settings(self, **env: str) -> "CommandLine":
        """The same with other settings, of which no password may be a part."""
        return CommandLine({**self._env, **env}, None, Path(tempfile.mkdtemp(dir=self._directory)))

    def start(self, *arguments: str, terminal: str | None = None, given: Path | None = None) -> Running:
        """terminal: what standard input and standard error are connected to. given: what standard input is instead."""
        number = len(self._started)
        out, err = self._directory / f"out-{number}", self._directory / f"err-{number}"
        for path in (out, err):
            path.touch()
        process = FORKS.Process(
            target=run_command,
            args=(
                arguments,
                {**os.environ, **self._env},
                str(given or terminal or os.devnull),
                str(out),
                terminal or str(err),
            ),
        )
        process.start()
        self._started.append(Running(process, out, err))
        return self._started[-1]

    def __call__(self, *arguments: str, given: Path | None = None) -> Done:
        return self.end(self.start(*arguments, given=given))

    def end(self, running: Running) -> Done:
        done = running.end()
        assert "Traceback" not in done.err
        assert self._secret is None or self._secret not in done.out + done.err
        return done

    def close(self) -> None:
        for running in self._started:
            running.close()


@pytest.fixture
def env(database: TestDatabase, jobs_database: TestDatabase, output_dir: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": database.url,
        "JOBS_DATABASE_URL": jobs_database.url,
        "OUTPUT_DIRECTORY": str(output_dir),
    }


@pytest.fixture
def run(env: dict[str, str], tmp_path: Path) -> Iterator[CommandLine]:
    commands = CommandLine(env, urlsplit(env["DATABASE_URL"]).password, tmp_path)
    yield commands
    commands.close()


@pytest.fixture
def api(make_client: Callable[..., Client], env: dict[str, str]) -> Any:
    """A service with the same settings."""
    return make_client(**env)


def named(small_set: dict[str, str]) -> tuple[str, str]:
    return small_set["backup_path"], small_set["timestamp"]


def keys(value: Any) -> Any:
    """The shape of an answer, without its values."""
    return {key: keys(part) for key, part in value.items()} if isinstance(value, dict) else type(value).__name__


def wait_until(reached: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def stalled(database: TestDatabase) -> bool:
    return bool(database.fetch("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))


def test_the_list_is_the_apis(run: CommandLine, api: Any, small_set: dict[str, str]) -> None:
    answer, told = api.list().get_json()["data"], run("list", "--json").data
    answer.pop("timestamp"), told.pop("timestamp")
    answer["summary"].pop("scan_time"), told["summary"].pop("scan_time")
    assert told == answer
    assert " ".join(named(small_set)) in re.sub(" +", " ", run("list").out)


def test_a_list_begins_without_what_only_a_server_needs() -> None:
    process = subprocess.run(
        [sys.executable, "-X", "importtime", "unified_api.py", "list"], cwd=PROJECT, capture_output=True, text=True
    )
    imported = set(re.findall(r"\| +([\w.]+)$", process.stderr, re.MULTILINE))
    assert "data_pipeline.operations.listing" in imported
    assert imported & {"flask", "waitress", "procrastinate", "structlog", "tqdm", "obstore"} == set()


def test_a_backup_and_its_way_back(run: CommandLine, api: Any, database: TestDatabase, fill: Any, bits: Any) -> None:
    fill(database)
    before = bits(database)
    made = run("backup", "--format", "binary", "--json")
    assert made.status == 0
    assert keys(made.data) == keys(api.backup(format="binary").get_json()["data"])
    database.execute("DELETE FROM langchain_pg_embedding")
    found = made.data["backup_directory"], made.data["backup_timestamp"]
    restored = run("restore", *found, *REPLACE, "--json")
    assert (restored.status, bits(database)) == (0, before)
    again = api.restore(backup_path=found[0], timestamp=found[1], truncate_before_restore=True)
    assert keys(restored.data) == keys(again.get_json()["data"])
    assert "langchain_pg_embedding" in run("verify", "global", found[1]).out
    assert run("compare", *found).status == 0
    assert [(job["kind"], job["async"]) for job in run("jobs", "list", "--json").data["jobs"]] == [
        ("restore", False),
        ("restore", False),
        ("backup", False),
        ("backup", False),
    ]


def test_rows_are_not_removed_where_nobody_was_asked(
    run: CommandLine, database: TestDatabase, fill: Any, bits: Any, small_set: dict[str, str]
) -> None:
    fill(database)
    before = bits(database)
    refused = run("restore", *named(small_set), "--truncate-before-restore")
    assert (refused.status, refused.out) == (2, "")
    assert "Say --yes" in refused.err
    assert run("backup", "--truncate-vector-tables").status == 2
    assert bits(database) == before


@pytest.mark.parametrize(("said", "status", "rows"), [("n\n", 2, 6), ("y\n", 0, 2)])
def test_at_a_terminal_somebody_is_asked(
    run: CommandLine, database: TestDatabase, fill: Any, small_set: dict[str, str], said: str, status: int, rows: int
) -> None:
    fill(database)
    terminal, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    process = run.start("restore", *named(small_set), "--truncate-before-restore", terminal=os.ttyname(theirs))
    shown = b""
    while b"[y/N]" not in shown:
        assert select.select([terminal], [], [], 60)[0], shown
        shown += os.read(terminal, 1000)
    assert database.dbname.encode() in shown
    os.write(terminal, said.encode())
    assert run.end(process).status == status
    os.close(theirs)
    shown = _drain(terminal)
    os.close(terminal)
    assert (b"% |" in shown) is (status == 0)  # the progress bar
    assert (b"Nothing was done." in shown) is (status == 2)
    assert b"Usage:" not in shown
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(rows,)]


def _drain(terminal: int) -> bytes:
    shown = b""
    try:
        while piece := os.read(terminal, 1000):
            shown += piece
    except OSError:  # whoever had the other end is gone
        pass
    return shown


def test_a_failed_replace_says_so_and_changes_nothing(
    run: CommandLine, database: TestDatabase, fill: Any, bits: Any, small_set: dict[str, str], backups: Any
) -> None:
    fill(database)
    before = bits(database)
    backups.file(f"langchain_pg_embedding_{small_set['timestamp']}.csv", BROKEN)
    failed = run("restore", *named(small_set), *REPLACE, "--json")
    assert (failed.status, failed.data["error_type"], failed.data["rolled_back"]) == (1, "INVALID_BACKUP", True)
    assert "The tables are as before." in failed.err
    assert f"Database: {database.dbname} on " in failed.err
    assert bits(database) == before
    assert run("verify", "global", small_set["timestamp"]).status == 1
    missing = run("restore", small_set["backup_path"], NEVER)
    assert (missing.status, "RESOURCE_NOT_FOUND" in missing.err) == (1, True)
    assert run("restore", small_set["backup_path"], "yesterday").status == 2


def test_what_is_done_in_part_has_a_status_of_its_own(
    run: CommandLine, database: TestDatabase, small_set: dict[str, str]
) -> None:
    database.execute("INSERT INTO langchain_pg_embedding (id) VALUES ('a')")
    partial = run("restore", *named(small_set))
    assert (partial.status, "DUPLICATE" in partial.out) == (3, False)
    assert "langchain_pg_embedding: 数据导入失败" in partial.err
    assert run("compare", *named(small_set)).status == 3
    assert run("restore", *named(small_set), "--dry-run").status == 3
    nothing = run("restore", *named(small_set), "--collections", "nosuch", "--dry-run")
    assert (nothing.status, "" in nothing.out.splitlines()) == (3, False)
    assert run("verify", "global", small_set["timestamp"]).status == 3  # nothing vouches for it


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("phase", ["load", "index"])
def test_ctrl_c_in_the_middle_of_a_restore_leaves_the_tables_as_before(
    run: CommandLine, api: Any, database: TestDatabase, fill: Any, bits: Any, small_set: dict[str, str],
    number: signal.Signals, status: int, phase: str,
) -> None:  # fmt: skip
    fill(database)
    database.execute(STALLS[phase])
    before = bits(database)
    process = run.start("restore", *named(small_set), *REPLACE)
    wait_until(lambda: stalled(database))
    process.send_signal(number)
    done = run.end(process)
    assert (done.status, done.out) == (status, "")
    assert "Cancelled. The tables are as before." in done.err
    assert bits(database) == before
    (job,) = api.get("/api/v0/data_pipeline/vector/jobs").get_json()["data"]["jobs"]
    assert job["state"] == "CANCELLED"


def test_a_command_and_a_service_dont_write_at_once(
    run: CommandLine, api: Any, database: TestDatabase, fill: Any, small_set: dict[str, str], background: Any
) -> None:
    fill(database)
    database.execute(STALLS["load"])
    process = run.start("restore", *named(small_set), *REPLACE)
    wait_until(lambda: stalled(database))
    assert api.restore(**small_set, truncate_before_restore=True).get_json()["data"]["error_type"] == (
        "OPERATION_IN_PROGRESS"
    )
    (job,) = run("jobs", "list", "--state", "RUNNING", "--json").data["jobs"]
    assert run("jobs", "cancel", job["job_id"]).status == 0
    assert run.end(process).status == 1  # cancelled, but not by whoever sits there
    assert run("jobs", "follow", job["job_id"]).status == 1


def test_a_job_waits_for_a_worker(
    run: CommandLine, env: dict[str, str], start_server: Any, database: TestDatabase
) -> None:
    handed = run("backup", "--async", "--json").data
    assert handed["state"] == "PENDING"
    start_server("worker", **env)
    followed = run("jobs", "follow", handed["job_id"], "--json")
    assert (followed.status, followed.data["state"]) == (0, "SUCCEEDED")
    assert run("jobs", "show", handed["job_id"], "--json").data["result"] == followed.data["result"]
    assert run("backup", "--async", "--pg-conn", database.url).status == 2  # nobody else is told a password


def test_without_the_queue_it_works_all_the_same(
    run: CommandLine, database: TestDatabase, small_set: dict[str, str]
) -> None:
    alone = run.with_settings(JOBS_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    done = alone("restore", *named(small_set))
    assert (done.status, database.fetch("SELECT count(*) FROM langchain_pg_embedding")) == (0, [(2,)])
    assert "not kept in the history" in done.err


@pytest.mark.parametrize("arguments", [("nonsense",), ("worker", "2"), ("list", "--unknown"), ("restore", "alone")])
def test_wrong_usage_is_told_apart(run: CommandLine, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert (done.status, done.out) == (2, "")
    assert "Usage: python unified_api.py" in done.err


def test_a_wrong_setting_is_one_line(run: CommandLine) -> None:
    done = run.with_settings(PORT="http")("list")
    assert (done.status, len(done.err.splitlines())) == (1, 1)


def test_schedules_are_made_run_paused_and_told_when_overdue(run: CommandLine, jobs_database: TestDatabase) -> None:
    made = run("schedules", "create", "nightly", "0 3 * * *", "--zone", "Asia/Shanghai", "--keep-daily", "7", "--json")
    assert made.status == 0
    assert made.data["config"]["retention"]["keep_daily"] == 7
    assert run("schedules", "create", "nightly", "daily").status == 1
    assert run("schedules", "create", "never", "0 0 30 2 *").status == 2
    assert run("schedules", "create", "other", "daily", "--request", "no json").status == 2
    assert run("status").status == 0
    jobs_database.execute(
        "UPDATE vector_jobs.resources SET created_at = now() - interval '3 days'"
    )  # and no service ran
    late = run("status")
    assert (late.status, "overdue" in late.out) == (1, True)
    assert run("schedules", "pause", "nightly").status == 0
    paused = run("status")
    assert (paused.status, "paused" in paused.out) == (0, True)
    run("schedules", "resume", "nightly")
    job_id = run("schedules", "run", "nightly", "--json").data["job_id"]
    (one,) = run("status", "--json").data["schedules"]
    assert one["status"]["running"] == job_id
    assert run("schedules", "delete", "nightly").status == 0
    assert run("status", "--json").data["schedules"] == []


def test_resources_are_made_changed_tried_and_removed_and_no_secret_is_shown(
    run: CommandLine, database: TestDatabase, tmp_path: Path
) -> None:
    keyed, secret, password = run.with_settings(SECRET_KEY="k" * 32), tmp_path / "url", str(database.server.password)
    secret.write_text(f"{database.url}\n")
    made = keyed("targets", "create", "staging", "--url", "-", given=secret)
    assert (made.status, password in made.out + made.err) == (0, False)
    assert keyed("targets", "create", "staging", "--url", database.url).status == 1
    changed = keyed("targets", "change", "staging", "--schema", "public", "--json")
    assert (changed.data["config"], changed.data["secrets"]) == ({"schema": "public"}, ["url"])
    listed = keyed("targets", "list")
    assert (listed.status, database.dbname in listed.out, password in listed.out) == (0, True, False)
    assert keyed("targets", "test", "staging", "--json").data["seen"]
    other = run.with_settings(SECRET_KEY="o" * 32)
    assert "its secrets can't be opened" in other("targets", "list").out
    assert other("targets", "test", "staging").status == 1
    assert keyed("targets", "delete", "staging").status == 0
    assert keyed("targets", "test", "staging").status == 1
    assert keyed("storages", "create", "offsite", "/tmp/x", "KEY", "--secret-access-key", "s").status == 1
    assert keyed("notifiers", "create", "ops", "--url", "http://169.254.169.254/").status == 1
    assert keyed("notifiers", "create", "ops", "--url", "https://example.com/", "--events", "overdue").status == 0
    assert "https" in keyed("notifiers", "list").out


def test_a_set_goes_out_and_in_again_to_another_storage_and_away(
    run: CommandLine, env: dict[str, str], database: TestDatabase, fill: Any, tmp_path: Path
) -> None:
    env["STORAGES"] = json.dumps({"archive": str(tmp_path / "archive")})
    fill(database)
    stamp = run("backup", "--json").data["backup_timestamp"]
    where = ("global", stamp)
    assert run("copy", *where, "archive").status == 0
    listed = run("list", "--storage", "all").out
    assert (database.dbname in listed, "0 min" in listed, listed.count(stamp)) == (True, True, 2)
    tar = tmp_path / "set.tar"
    assert run("download", *where, "--output", str(tar)).status == 0
    assert run("download", *where, "--output", str(tar)).status == 1  # it is there already
    refused = run("delete", *where)
    assert (refused.status, "--yes" in refused.err) == (2, True)
    assert run("delete", *where, "--yes").status == 0
    assert run("list", "--json").data["summary"]["total_backup_sets"] == 0
    assert run("upload", str(tar)).status == 0
    dry = run("restore", "./data_pipeline/training_data/vector_bak", stamp, "--strategy", "sync", "--dry-run")
    assert (dry.status, dry.out.startswith("Dry run, nothing was changed")) == (0, True)
    assert "dry run" in run("jobs", "list").out
    files = [str(path) for path in (tmp_path / "archive" / "vector_bak").glob(f"*{stamp}*")]
    assert run("delete", *where, "--yes").status == 0
    assert run("upload", *files).status == 0
    assert run("--version").out.strip() == f"vector-backup {VERSION}"


def test_many_sets_at_once(run: CommandLine, saved: dict[str, Any], tmp_path: Path) -> None:
    name = f"global/{saved['timestamp']}"
    verified = run("bulk", "verify", name, "--json")
    assert (verified.status, verified.data["sets"][0]["verified"]) == (0, True)
    (tmp_path / "sets").write_text(f"{name}\n")
    archive = tmp_path / "sets.tar"
    assert run("bulk", "download", "--output", str(archive), "-", given=tmp_path / "sets").status == 0
    with tarfile.open(archive) as tar:
        assert len(tar.getnames()) == 3
    refused = run("bulk", "delete", name)
    assert refused.status == 2
    assert "--yes" in refused.err
    missing = run("bulk", "delete", "--yes", name, f"global/{NEVER}")
    assert (missing.status, NEVER in missing.err) == (1, True)
    removed = run("bulk", "delete", "--yes", f"local/{name}")
    assert (removed.status, "done" in removed.out) == (0, True)
    assert run("bulk", "verify", "nonsense").status == 2


def test_reference_data_of_a_file(run: CommandLine, database: TestDatabase, tmp_path: Path) -> None:
    database.execute(
        "CREATE TABLE prices (model text PRIMARY KEY, usd numeric, source text);"
        "INSERT INTO prices VALUES ('a', 1, 'manual'), ('b', 2, NULL), ('c', 3, NULL)"
    )
    file = tmp_path / "prices.toml"
    file.write_text("[a]\nusd = 9\n[b]\nusd = 9\n")
    keep = ("--keep", '{"source": "manual"}')
    refused = run("import", "public.prices", str(file), *keep, "--mode", "replace")
    assert (refused.status, "--yes" in refused.err) == (2, True)
    rehearsed = run("import", "public.prices", str(file), *keep, "--mode", "replace", "--dry-run", "--json")
    assert (rehearsed.data["removed"], rehearsed.data["kept"]) == (1, 1)
    done = run("import", "public.prices", str(file), *keep, "--overwrite", "a")
    assert (done.status, "updated" in done.out) == (0, True)
    assert database.fetch("SELECT usd::int FROM prices ORDER BY model") == [(9,), (9,), (3,)]
    file.write_text("[a]\neur = 9\n")
    wrong = run("import", "prices", str(file))
    assert (wrong.status, "eur" in wrong.err) == (2, True)


def test_a_whole_database_goes_out_and_comes_back(
    run: CommandLine, api: Any, database: TestDatabase, fill: Any, bits: Any, tmp_path: Path
) -> None:
    fill(database)
    before, file = bits(database), tmp_path / "before.dump"
    exported = run("databases", "export", "--output", str(file), "--json")
    assert exported.data["bytes"] == file.stat().st_size > 1000
    database.execute("DELETE FROM langchain_pg_embedding")
    asked = ("databases", "import", str(file), "--clean-first", "--trusted")
    assert run(*asked).status != 0  # it asks, and gets no answer
    assert run(*asked, "--yes").status == 0
    assert bits(database) == before
    again = run("databases", "import", str(file), "--trusted", "--json")  # every key is there already
    assert (again.status, again.data["partial"]) == (3, True)
    jobs = api.get(f"{PREFIX}/jobs?kind=database_import").get_json()["data"]["jobs"]
    assert [(one["state"], one["who"]) for one in jobs] == [("SUCCEEDED", "command line")] * 2


def test_a_whole_database_is_saved_as_a_set_and_restored(
    run: CommandLine, database: TestDatabase, fill: Any, bits: Any
) -> None:
    fill(database)
    before = bits(database)
    made = run("databases", "backup", "--json").data
    database.execute("DELETE FROM langchain_pg_embedding")
    named = (made["backup_directory"], made["backup_timestamp"])
    done = run("databases", "restore", *named, "--mode", "clean", "--trusted", "--yes", "--json")
    assert (done.status, done.data["mode"]) == (0, "clean")
    assert bits(database) == before
