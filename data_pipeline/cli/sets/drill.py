"""`python unified_api.py drill`"""

from typing import Any

import click

from data_pipeline.cli import answers, operation, options, process
from data_pipeline.cli.answers import DONE, PARTLY, Answer
from data_pipeline.cli.command import Command
from data_pipeline.operations.requests.drill import DrillRequest

HELP = """Prove a backup: restore it into a PostgreSQL that is made for it and removed afterwards, and compare the rows.

LOCATION is global, or a task id. Without TIMESTAMP it is the newest backup of everything."""
EXAMPLES = """\b
Examples:
  python unified_api.py drill global
  python unified_api.py drill global 20261120_170444 --json
  python unified_api.py drill task_20250721_213627 20250721_215758 --storage archive --async
"""


def drill(as_json: bool, progress: bool | None, **given: Any) -> int:
    request = options.body(DrillRequest, given)
    with process.engine() as engine:
        if request.as_job:
            return operation.hand_over(engine, request, as_json)
        data = answers.give(operation.perform(engine, request, progress), as_json, _tell)
    return DONE if data["proven"] else PARTLY


def _tell(data: Answer) -> None:
    click.echo(data["response"])
    rows = [(name, one["rows"], one["file_bytes"]) for name, one in data["tables"].items()]
    answers.table(rows, "table", "rows", "bytes")
    backup, steps = data["backup_info"], data["steps"]
    click.echo(f"{backup['backup_path']} {backup['timestamp']}")
    each = ", ".join(f"{name.removesuffix('_seconds')} {seconds} s" for name, seconds in steps.items())
    click.echo(f"{data['duration']} s: {each}")
    for error in data["errors"]:
        click.echo(f"not proven: {error}", err=True)


COMMAND = Command(
    "drill",
    callback=drill,
    params=[*options.of(DrillRequest, arguments=("timestamp",)), options.PROGRESS],
    help=HELP,
    short_help="Prove a backup by restoring it.",
    epilog=EXAMPLES,
)
