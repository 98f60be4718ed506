"""`python unified_api.py backup`"""

from typing import Any

import click

from data_pipeline.cli import answers, confirmation, operation, options, process
from data_pipeline.cli.answers import DONE, PARTLY, Answer
from data_pipeline.cli.command import Command
from data_pipeline.operations.requests.backup import BackupRequest

HELP = "Back up both tables from one snapshot. The set is listed once it is complete."
EXAMPLES = """\b
Examples:
  python unified_api.py backup
  python unified_api.py backup --task-id task_20250721_213627 --format binary
  python unified_api.py backup --collections docs --probes 20
  python unified_api.py backup --storages local --storages archive --json
"""


def back_up(as_json: bool, progress: bool | None, yes: bool, **given: Any) -> int:
    request = options.body(BackupRequest, given)
    with process.engine() as engine:
        if request.truncate_vector_tables:
            confirmation.expect(f"All rows of {engine.layout.member} will be removed once they are backed up.", yes)
        if request.as_job:
            return operation.hand_over(engine, request, as_json)
        data = answers.give(operation.perform(engine, request, progress), as_json, _tell)
    return PARTLY if data["errors"] else DONE


def _tell(data: Answer) -> None:
    click.echo(data["response"])
    saved = data["tables_backed_up"]
    rows = [(name, one["row_count"], one["file_size"], one["backup_file"]) for name, one in saved.items()]
    answers.table(rows, "table", "rows", "size", "file")
    click.echo(f"{data['backup_directory']} {data['backup_timestamp']}")
    click.echo(f"from {answers.place(data['target'])}, {data['duration']} s")
    for name, one in data["storages"].items():
        if not one["success"]:
            click.echo(f"not in storage {name}: {one['error']}", err=True)


COMMAND = Command(
    "backup",
    callback=back_up,
    params=[*options.of(BackupRequest), options.YES, options.PROGRESS],
    help=HELP,
    short_help="Back up both tables.",
    epilog=EXAMPLES,
)
