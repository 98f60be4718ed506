"""`python unified_api.py list`"""

from typing import Any

import click

from data_pipeline.api.requests.bodies import ListQuery
from data_pipeline.cli import answers, options, process
from data_pipeline.cli.answers import DONE, PARTLY, Answer
from data_pipeline.cli.command import Command
from data_pipeline.operations.listing import BackupList

HELP = "List the backups, newest first: those of the whole system, then each task's."
EXAMPLES = """\b
Examples:
  python unified_api.py list
  python unified_api.py list --task-id task_20250721_213627
  python unified_api.py list --storage all --json
"""


def list_backups(as_json: bool, **given: Any) -> int:
    query = options.query(ListQuery, given)
    with process.engine() as engine:
        found = BackupList(engine).scan(query.global_only, query.task_id, query.storage)
    data = answers.give(found, as_json, _tell)
    return PARTLY if data["summary"].get("unreachable_storages") else DONE


def _tell(data: Answer) -> None:
    click.echo(data["response"])
    rows = [
        (place["relative_path"], one["timestamp"], one["embedding_size"], one["format"], _vouched(one))
        for place in data["backup_locations"]
        for one in place["backups"]
    ]
    if rows:
        answers.table(rows, "backup path", "timestamp", "size", "format", "manifest")
    for name in data["summary"].get("unreachable_storages", []):
        click.echo(f"out of reach: storage {name}", err=True)


def _vouched(one: dict[str, Any]) -> str:
    return "yes" if one["has_manifest"] else "none"


COMMAND = Command(
    "list",
    callback=list_backups,
    params=[*options.of(ListQuery)],
    help=HELP,
    short_help="List the backups.",
    epilog=EXAMPLES,
)
