"""`python unified_api.py verify`"""

from typing import Any

import click

from data_pipeline.api.requests.bodies import BackupSetPath, SetQuery
from data_pipeline.cli import answers, options, process
from data_pipeline.cli.answers import DONE, PARTLY, Answer
from data_pipeline.cli.command import Command
from data_pipeline.cli.task import Task
from data_pipeline.operations.verification import Verification

HELP = "Read every byte of a backup, as a restore would. LOCATION is global, or a task id."
EXAMPLES = """\b
Examples:
  python unified_api.py verify global 20261120_170444
  python unified_api.py verify task_20250721_213627 20250721_215758 --storage archive
"""


def verify(as_json: bool, progress: bool | None, location: str, timestamp: str, **given: Any) -> int:
    query = options.query(SetQuery, given)
    with process.engine() as engine, process.jobs(engine) as jobs:
        verification = Verification(engine, jobs.checks.note)
        answer = Task(progress).run(lambda meter: verification.verify(location, timestamp, query.storage, meter))
    data = answers.give(answer, as_json, _tell)
    return DONE if data["verified"] else PARTLY


def _tell(data: Answer) -> None:
    click.echo(data["response"])
    rows = [(name, one["rows"], one["file_bytes"], one["file"]) for name, one in data["tables"].items()]
    answers.table(rows, "table", "rows", "bytes", "file")


COMMAND = Command(
    "verify",
    callback=verify,
    params=[*options.of(BackupSetPath, SetQuery), options.PROGRESS],
    help=HELP,
    short_help="Read every byte of a backup.",
    epilog=EXAMPLES,
)
