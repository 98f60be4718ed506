"""`python unified_api.py doctor`"""

import click

from data_pipeline.cli import answers, process
from data_pipeline.cli.answers import DONE, FAILED, Answer
from data_pipeline.cli.command import Command
from data_pipeline.engine import Engine
from data_pipeline.operations.doctor.doctor import Doctor

HELP = """Check that everything works together: settings, database, pgvector, clock, storages, free space, job queue.
Ten rows of its own are backed up, removed, restored and compared, in a schema that is dropped afterwards; no other
table is touched. Exit status 1 if a check has failed."""
EXAMPLES = """\b
Examples:
  python unified_api.py doctor
  python unified_api.py --lang en doctor --json
"""


def examine(as_json: bool) -> int:
    with process.engine() as engine:
        data = answers.give(Doctor(engine, lambda: _ask_queue(engine)).examine(), as_json, _tell)
    return DONE if data["healthy"] else FAILED


def _ask_queue(engine: Engine) -> None:
    with process.jobs(engine) as jobs:
        jobs.counts()


def _tell(data: Answer) -> None:
    rows = [(one["state"], one["check"], one.get("about"), one["text"]) for one in data["findings"]]
    answers.table(rows, "state", "check", "of", "found")
    click.echo(data["response"])


COMMAND = Command(
    "doctor",
    callback=examine,
    params=[],
    help=HELP,
    short_help="Check that everything works together.",
    epilog=EXAMPLES,
)
