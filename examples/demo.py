"""The service at work, in a few seconds: `python -m examples.demo`.

Starts an embedded PostgreSQL and the real HTTP server, restores the shipped backup, finds documents by meaning, makes
a backup and proves it, damages the tables, brings every row back, and moves them to a Milvus and back. Prints what it
does. Everything lives in a temporary directory and is gone afterwards. The exit status is 0 if all was as it should be,
else 1.
"""

import io
import json
import shutil
import signal
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import quote

import psycopg2

from data_pipeline.api import BASE
from data_pipeline.postgres.target import Target
from data_pipeline.postgres_server import embedded
from data_pipeline.postgres_server.embedded import EmbeddedServerError
from data_pipeline.settings import Settings, SettingsError
from examples.live_tables import Difference, LiveTables
from examples.service import PROJECT, Service, Unexpected, running, say

SHIPPED = PROJECT / "data_pipeline" / "training_data" / "vector_bak"
# Their embeddings were made with the model the shipped backup was made with, so the demo needs no model.
QUESTIONS = Path(__file__).with_name("questions.json")

# Windows has no SIGHUP.
ENDING = [signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

DAMAGE = {
    "delete all questions": "DELETE FROM langchain_pg_embedding WHERE id LIKE 'question-%'",
    "delete the collection of notes, and with it its rows": "DELETE FROM langchain_pg_collection WHERE name = 'notes'",
    "overwrite embeddings": "UPDATE langchain_pg_embedding SET embedding = '[0, 0, 1]' WHERE id LIKE 'ddl-%'",
    "overwrite documents and metadata": (
        "UPDATE langchain_pg_embedding SET document = 'oops', cmetadata = NULL WHERE id LIKE 'documentation-%'"
    ),
    "rename a collection": "UPDATE langchain_pg_collection SET name = 'DDL' WHERE name = 'ddl'",
    "add a row nobody wants": (
        "INSERT INTO langchain_pg_embedding (id, collection_id, embedding) "
        "SELECT 'unwanted', uuid, '[1]' FROM langchain_pg_collection LIMIT 1"
    ),
}


def tell(service: Service, tables: LiveTables, timestamp: str, questions: list[dict[str, Any]]) -> None:
    """The story, one step a line."""
    directory = list_backups(service, timestamp)
    restore_shipped(service, tables, directory, timestamp)
    ask(tables, questions)
    newest = back_up(service)
    prove(service, newest)
    before = tables.rows()
    damage(tables)
    say(f"{Difference.between(before, tables.rows())}")
    bring_back(service, directory, newest)
    expect_all_back(Difference.between(before, tables.rows()), len(before))
    ask(tables, questions)
    move(service, tables, directory, newest)


def list_backups(service: Service, timestamp: str) -> str:
    """Returns the directory of the shipped backup, as it is listed."""
    title("Which backups are there?")
    answer = service.get("/vector/restore/list")
    listed = [(place["relative_path"], backup) for place in answer["backup_locations"] for backup in place["backups"]]
    expect([backup["timestamp"] for _, backup in listed] == [timestamp], "the list is not just the shipped backup")
    directory: str
    directory, backup = listed[0]
    say(f"{backup['timestamp']} in {directory}")
    say(f"{backup['collection_file']}: {backup['collection_size']}")
    say(f"{backup['embedding_file']}: {backup['embedding_size']}")
    return directory


def restore_shipped(service: Service, tables: LiveTables, directory: str, timestamp: str) -> None:
    title("Restore the shipped backup into empty tables")
    expect(not tables.rows(), "the tables of a new database are not empty")
    answer = service.post("/vector/restore", backup_path=directory, timestamp=timestamp)
    written = say_rows(answer["restore_results"], "rows_restored")
    expect(written == len(tables.rows()) > 0, "the tables do not hold the rows the restore has counted")


def ask(tables: LiveTables, questions: list[dict[str, Any]]) -> None:
    title("Find documents by meaning")
    for asked in questions:
        key, document, distance = tables.nearest(asked["embedding"])
        say(f"? {asked['question']}")
        say(f"! {textwrap.shorten(document, 100, placeholder=' ...')}")
        say(f"  {key}, cosine distance {distance:.3f}")
        expect(key == asked["expected_id"], f"the nearest document is not {asked['expected_id']}")


def back_up(service: Service) -> str:
    """Returns the timestamp of the new backup."""
    title("Make a backup")
    answer = service.post("/vector/backup")
    say_rows(answer["tables_backed_up"], "row_count")
    timestamp: str = answer["backup_timestamp"]
    return timestamp


def prove(service: Service, timestamp: str) -> None:
    title("Prove the backup: restore it into a PostgreSQL of its own, which is gone afterwards")
    answer = service.post(f"/vector/backups/global/{timestamp}/drill")
    expect(answer["proven"], "the backup does not come back as it was saved")
    for table, result in answer["tables"].items():
        say(f"{table}: {result['rows']} rows came back, equal to the bit")
    say(f"proven in {answer['duration']} s")


def damage(tables: LiveTables) -> None:
    title("Damage the tables")
    for what, statement in DAMAGE.items():
        rows = tables.execute(statement)
        say(f"{what}: {rows}")
        expect(rows > 0, "nothing was damaged")


def bring_back(service: Service, directory: str, timestamp: str) -> None:
    title("Replace what is there by the backup, all or nothing")
    answer = service.post("/vector/restore", backup_path=directory, timestamp=timestamp, truncate_before_restore=True)
    say_rows(answer["restore_results"], "rows_restored")
    say(f"readers had to wait for {answer['readers_blocked_seconds']} seconds")


def expect_all_back(found: Difference, rows: int) -> None:
    title("Compare every row with the one before the damage, to the bit")
    say(f"{found}")
    expect(found == Difference(same=rows, missing=0, changed=0, extra=0), "the tables are not what they were")


def move(service: Service, tables: LiveTables, directory: str, timestamp: str) -> None:
    """To another kind of database and back, where its packages are there."""
    title("Move the rows to a Milvus, and back")
    if find_spec("milvus_lite") is None:
        say("left out: it needs pip install -r requirements-milvus.txt")
        return
    before = tables.documents()
    there = {"backup_path": directory, "timestamp": timestamp}
    moved = service.post("/milvus/restore", set=there, target="milvus")
    say(f"{sum(one['rows'] for one in moved['restore_results'].values())} rows, {moved['duration']} s")
    compared = service.post("/milvus/compare", set=there, target="milvus")
    expect(compared["identical"], "the rows in Milvus are not those of the backup")
    made = service.post("/milvus/backup", target="milvus")
    tables.execute("TRUNCATE langchain_pg_collection, langchain_pg_embedding")
    back = {"backup_path": made["backup_directory"], "timestamp": made["backup_timestamp"]}
    restored = service.post("/milvus/restore", set=back, target="main", into={"layout": "langchain"})
    say_rows(restored["restore_results"], "rows_restored")
    found = Difference.between(before, tables.documents())
    say(f"{found}")
    expect(found == Difference(same=len(before), missing=0, changed=0, extra=0), "not all rows came back from Milvus")


def say_rows(results: dict[str, Any], counter: str) -> int:
    """Returns the rows of both tables. An answer is 200 as well when only one of them was written."""
    for table, result in results.items():
        expect(result["success"], f"{table}: {result.get('error')}")
        say(f"{table}: {result[counter]} rows, {result['duration']} s")
    return sum(result[counter] for result in results.values())


def title(text: str) -> None:
    print(f"\n{text}", flush=True)


def expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Unexpected(otherwise)


@contextmanager
def stage(timestamp: str) -> Iterator[tuple[Service, LiveTables]]:
    """The service and its database in a temporary directory; nothing of it is left at the end."""
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        title("Start PostgreSQL and the service")
        expect_no_other_database()
        directory = Path(name)
        directory.chmod(0o711)  # when root runs this, PostgreSQL runs as another user, who has to get through
        copy_shipped(timestamp, directory / "training_data" / "vector_bak")
        # Who uses the server last stops it: started here first, it is stopped even if the service gets killed.
        server = embedded.start(directory / "pgdata")
        with ExitStack() as stack:
            stack.callback(server.stop)
            targets = {"main": url(server.target), "milvus": f"milvus+lite://{directory / 'milvus'}"}
            service = stack.enter_context(running(directory, BASE, TARGETS=json.dumps(targets)))
            tables = stack.enter_context(closing(LiveTables(server.target)))
            stack.callback(ignore_interrupts)  # comes first: nothing interrupts the rest
            yield service, tables


def url(target: Target) -> str:
    """Of a database behind a Unix socket, as TARGETS has it."""
    found = target.parameters()
    login = f"{quote(str(found['user']), safe='')}:{quote(str(found.get('password') or ''), safe='')}"
    host, database = (quote(str(found[name]), safe="") for name in ("host", "dbname"))
    return f"postgresql://{login}@:{found['port']}/{database}?host={host}"


def expect_no_other_database() -> None:
    """Somebody's own tables must not be what the demo fills and replaces."""
    files = "data_pipeline/config.py or app_config.py"
    expect(Settings.load({}).configured is None, f"{files} names a database, and the demo only writes to its own")


def copy_shipped(timestamp: str, directory: Path) -> None:
    """Only the shipped set: backups that are made later come into the same directory."""
    directory.mkdir(parents=True)
    files = list(SHIPPED.glob(f"*_{timestamp}.*"))
    expect(len(files) == 3, f"the shipped backup {timestamp} is not complete")
    for file in files:
        shutil.copy(file, directory)


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """End the demo by an exception, so that it cleans up; a second signal doesn't disturb it while it does."""
    ignore_interrupts()
    raise KeyboardInterrupt


def ignore_interrupts() -> None:
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


def main() -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # not every terminal has Chinese
    for number in ENDING:
        signal.signal(number, interrupt)
    sample = json.loads(QUESTIONS.read_text(encoding="utf-8"))
    started = time.monotonic()
    try:
        with stage(sample["timestamp"]) as (service, tables):
            tell(service, tables, **sample)
    except KeyboardInterrupt:
        print("\ndemo: interrupted", file=sys.stderr)
        return 1
    except (Unexpected, EmbeddedServerError, SettingsError, OSError, psycopg2.Error) as error:
        print(f"\ndemo: FAILED: {str(error).strip()}", file=sys.stderr)
        return 1
    title(f"Every row is back, after {time.monotonic() - started:.1f} seconds. Nothing is left running.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
