"""`python unified_api.py delete`"""

from typing import Any

import click

from data_pipeline.api.requests.bodies import BackupSetPath, SetQuery
from data_pipeline.cli import answers, confirmation, options, process
from data_pipeline.cli.answers import DONE, Answer
from data_pipeline.cli.command import Command
from data_pipeline.operations.backup_sets import BackupSetManager
from data_pipeline.storage.naming import backup_date

HELP = "Remove a backup for good. LOCATION is global, or a task id. Refused while a restore or a download reads it."
EXAMPLES = """\b
Examples:
  python unified_api.py delete global 20261120_170444
  python unified_api.py delete global 20261120_170444 --storage archive --yes
"""


def delete(as_json: bool, yes: bool, location: str, timestamp: str, **given: Any) -> int:
    query = options.query(SetQuery, given)
    with process.engine() as engine:
        manager = BackupSetManager(engine)
        manager.place(location, timestamp, query.storage)
        named = f"The backup of {backup_date(timestamp)} in {location} ({query.storage})"
        confirmation.expect(f"{named} will be removed for good.", yes)
        answers.give(manager.delete(location, timestamp, query.storage), as_json, _tell)
    return DONE


def _tell(data: Answer) -> None:
    click.echo(data["response"])
    for name in data["removed"]:
        click.echo(f"removed: {name}")


COMMAND = Command(
    "delete",
    callback=delete,
    params=[*options.of(BackupSetPath, SetQuery), options.YES],
    help=HELP,
    short_help="Remove a backup.",
    epilog=EXAMPLES,
)
