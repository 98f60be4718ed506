"""`python unified_api.py compare`"""

from typing import Any

import click

from data_pipeline.cli import answers, options, process
from data_pipeline.cli.answers import DONE, PARTLY, Answer
from data_pipeline.cli.command import Command
from data_pipeline.cli.task import Task
from data_pipeline.operations.compare import BackupComparison
from data_pipeline.operations.requests.compare import CompareRequest

HELP = "Compare a backup with the live tables, or with another backup: to the bit. Changes nothing."
EXAMPLES = """\b
Examples (SET stands for ./data_pipeline/training_data/vector_bak 20261120_170444):
  python unified_api.py compare SET
  python unified_api.py compare SET --collections docs --json
  python unified_api.py compare SET --with ./data_pipeline/training_data/vector_bak 20261121_170501
"""


def compare(as_json: bool, progress: bool | None, **given: Any) -> int:
    request = options.body(CompareRequest, given)
    with process.engine() as engine:
        comparison = BackupComparison(engine)
        answer = Task(progress).run(lambda meter: comparison.compare(request, meter))
    data = answers.give(answer, as_json, _tell)
    return DONE if data["identical"] else PARTLY


def _tell(data: Answer) -> None:
    click.echo(data["response"])
    kinds = ("only_in_backup", "only_in_other", "different", "same")
    rows = [
        (one["name"] or "(none)", *(one[kind] for kind in kinds), one["collection"]["kind"])
        for one in data["collections"]
    ]
    for one in data.get("tables", ()):
        rows.append((one["name"], *(one[kind] for kind in kinds), ""))
    other = data["with"]["timestamp"] if data["with"] else "live"
    answers.table(rows, "collection or table", "only in backup", f"only in {other}", "different", "same", "its own row")


COMMAND = Command(
    "compare",
    callback=compare,
    params=[*options.of(CompareRequest), options.PROGRESS],
    help=HELP,
    short_help="Compare a backup with the tables, or another.",
    epilog=EXAMPLES,
)
