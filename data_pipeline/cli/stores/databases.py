"""`python unified_api.py databases`."""

from pathlib import Path
from typing import Any

import click

from data_pipeline.cli import answers, confirmation, options, process
from data_pipeline.cli.answers import DONE, PARTLY, Answer
from data_pipeline.cli.command import Command, NamingGroup
from data_pipeline.cli.sets.download import write_file
from data_pipeline.cli.stores.commands import StoreCommands
from data_pipeline.cli.task import Task
from data_pipeline.operations.database.exporting import DatabaseExport
from data_pipeline.operations.database.importing import DatabaseImport
from data_pipeline.operations.database.spool import spooled
from data_pipeline.operations.requests.database import DatabaseBackupRequest, DatabaseRestoreRequest, ImportRequest
from data_pipeline.stores.pg_database.child import CHUNK

ABOUT = "Back up, restore, export or import whole databases."
EXAMPLES = """\b
Examples (SET stands for ./data_pipeline/training_data/vector_bak 20261120_170444):
  python unified_api.py databases backup --exclude-logs
  python unified_api.py databases restore SET --mode new_database --swap
  python unified_api.py databases export --output before.dump
  python unified_api.py databases import before.dump --clean-first --yes
"""
TARGET = click.Option(["--target"], help="A name from TARGETS; the configured database if not said.")
LOGS = click.Option(["--exclude-logs"], is_flag=True, help="Leave out the rows of LOG_TABLES.")
OUTPUT = click.Option(
    ["--output"], type=click.Path(dir_okay=False, path_type=Path), help="The file; default: backup_TIME.dump"
)
FILE = click.Argument(["file"], type=click.Path(path_type=Path))
IMPORT = [
    click.Option(["--clean-first"], is_flag=True, help="Drop and make anew what the archive holds."),
    click.Option(["--skip-logs"], is_flag=True, help="Leave out the rows of LOG_TABLES."),
    click.Option(["--trusted"], is_flag=True, help="The archive may run, although this service did not make it."),
]


def export(as_json: bool, progress: bool | None, target: str | None, exclude_logs: bool, output: Path | None) -> int:
    with process.engine() as engine, process.jobs(engine):

        def write_all(meter: Any) -> Answer:
            with DatabaseExport(engine).open(target, exclude_logs, meter) as opened:
                file = output or Path(opened.name)
                write_file(file, opened.chunks)
            return {"file": str(file), "bytes": file.stat().st_size, "tool": opened.tool.public}

        done: Answer = Task(progress).run(write_all)
    if as_json:
        answers.print_json(done)
    else:
        click.echo(f"{done['file']}: {done['bytes']} bytes")
    return DONE


def bring_in(as_json: bool, progress: bool | None, yes: bool, file: Path, target: str | None, **given: bool) -> int:
    names = {"clean_first": "cleanFirst", "skip_logs": "skipLogs", "trusted": "trusted"}
    request = ImportRequest.read({**{names[name]: value for name, value in given.items()}, "target": target})
    if request.clean_first:
        confirmation.expect(f"What {target or 'the configured database'} holds will be replaced by {file}.", yes)
    with process.engine() as engine, process.jobs(engine) as jobs, spooled(file.stat().st_size) as spool:
        with file.open("rb") as read:
            while chunk := read.read(CHUNK):
                spool.write(chunk)
        spool.complete()

        def run(meter: Any) -> Any:
            target, origin = engine.databases.named(request.target), process.origin()
            with jobs.recorded(request, target, origin, meter, DatabaseImport.bug) as recording:
                with DatabaseImport(engine).open(request, spool, meter) as opened:
                    result = opened.run(meter, lambda text: None)
                recording.result = result.data()
            return result

        data = answers.give(Task(progress).run(run), as_json, _tell_restore)
    return PARTLY if data["partial"] else DONE


def _tell_restore(data: Answer) -> None:
    click.echo(data["response"])
    if "rows" in data:
        answers.table([*data["rows"].items()], "table", "rows")
    for text in ("tables_added_to", "created_roles", "left_out"):
        if data.get(text):
            click.echo(f"{text}: {', '.join(data[text])}")
    click.echo(f"into {answers.place(data['target'])}, {data['duration']} s")


STORE = StoreCommands(DatabaseBackupRequest, DatabaseRestoreRequest, tell_restore=_tell_restore)
COMMAND = NamingGroup(
    "databases",
    [
        *STORE.pair(
            "Back up a whole database as a set.",
            "Restore a whole database from a set: its path and timestamp as the list shows them.",
        ),
        Command(
            "export",
            callback=export,
            params=[TARGET, LOGS, OUTPUT, options.PROGRESS],
            help="Write a whole database into a file, as pg_dump does.",
        ),
        Command(
            "import",
            callback=bring_in,
            params=[FILE, TARGET, *IMPORT, options.YES, options.PROGRESS],
            help="Merge a file of pg_dump into a database, or let it replace what is there.",
        ),
    ],
    help=ABOUT,
    short_help=ABOUT,
    epilog=EXAMPLES,
)
