"""`python unified_api.py list`"""

from datetime import datetime
from typing import Any

import click

from common.sizes import format_size
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
AGES = ((86400, "d"), (3600, "h"))


def list_backups(as_json: bool, **given: Any) -> int:
    query = options.query(ListQuery, given)
    with process.engine() as engine:
        found = BackupList(engine).scan(
            query.global_only,
            query.task_id,
            query.storage,
            layout=query.layout,
            words=query.q or "",
            limit=query.limit,
            after=query.after,
        )
    data = answers.give(found, as_json, _tell)
    return PARTLY if data["summary"].get("unreachable_storages") else DONE


def _tell(data: Answer) -> None:
    click.echo(data["response"])
    rows = [
        (
            *(place["relative_path"], one["timestamp"], _age(one["timestamp"]), one["database"], one["rows"]),
            *(format_size(one["bytes"]), one["format"], _about(one)),
        )
        for place in data["backup_locations"]
        for one in place["backups"]
    ]
    if rows:
        answers.table(rows, "backup path", "timestamp", "age", "database", "rows", "size", "format", "state")
    if following := data["summary"].get("next"):
        click.echo(f"more: --after {following}")
    for name in data["summary"].get("unreachable_storages", []):
        click.echo(f"out of reach: storage {name}", err=True)


def _about(one: dict[str, Any]) -> str:
    more = ("some rows" if one["partial"] else "", "before a restore" if one["origin"] == "restore" else "")
    return ", ".join(filter(None, (one["state"], *more)))


def _age(timestamp: str) -> str | None:
    """Of a set, by this machine's clock; None for a time that never was."""
    try:
        seconds = (datetime.now() - datetime.strptime(timestamp, "%Y%m%d_%H%M%S")).total_seconds()
    except ValueError:
        return None
    size, unit = next((each for each in AGES if seconds >= each[0]), (60, "min"))
    return f"{seconds // size:.0f} {unit}"


COMMAND = Command(
    "list",
    callback=list_backups,
    params=[*options.of(ListQuery)],
    help=HELP,
    short_help="List the backups.",
    epilog=EXAMPLES,
)
