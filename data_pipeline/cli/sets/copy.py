"""`python unified_api.py copy`"""

from typing import Any

import click

from data_pipeline.api.requests.bodies import BackupSetPath, CopyBody, SetQuery
from data_pipeline.cli import answers, options, process
from data_pipeline.cli.answers import DONE, Answer
from data_pipeline.cli.command import Command
from data_pipeline.operations.backup_sets import BackupSetManager

HELP = "Copy a backup into the storage TO, and read back what arrived. LOCATION is global, or a task id."
EXAMPLES = """\b
Examples:
  python unified_api.py copy global 20261120_170444 archive
  python unified_api.py copy global 20261120_170444 local --storage archive
"""


def copy(as_json: bool, location: str, timestamp: str, **given: Any) -> int:
    query, to = options.query(SetQuery, given), options.body(CopyBody, given).to
    with process.engine() as engine:
        answers.give(BackupSetManager(engine).copy(location, timestamp, to, query.storage), as_json, _tell)
    return DONE


def _tell(data: Answer) -> None:
    click.echo(data["response"])
    click.echo(f"{data['copy']['backup_path']} {data['copy']['timestamp']}")


COMMAND = Command(
    "copy",
    callback=copy,
    params=[*options.of(BackupSetPath, CopyBody, SetQuery)],
    help=HELP,
    short_help="Copy a backup to another storage.",
    epilog=EXAMPLES,
)
