"""`python unified_api.py status`"""

from typing import Any

import click

from data_pipeline.cli import answers, process
from data_pipeline.cli.answers import DONE, FAILED, Answer
from data_pipeline.cli.command import Command

HELP = "Say of every schedule when it last was good, when it is due, and whether it is overdue."
EXAMPLES = """\b
Exit status 1 if one is overdue, for monitors and scripts.

Examples:
  python unified_api.py status
  python unified_api.py status --json
"""


def show_status(as_json: bool) -> int:
    from data_pipeline.api.answers.schedules import schedule_list

    with process.engine() as engine, process.jobs(engine) as jobs:
        data = answers.give(schedule_list(jobs), as_json, tell)
    return FAILED if any(one["status"] and one["status"]["overdue"] for one in data["schedules"]) else DONE


def tell(data: Answer) -> None:
    """Every schedule in a line, then what went wrong last."""
    if data["schedules"]:
        heads = ("schedule", "when", "last good", "next due", "state")
        answers.table([_line(one) for one in data["schedules"]], *heads)
    for one in data["schedules"]:
        if _failed_since(one["status"]):
            failed = one["status"]["last_failure"]
            click.echo(f"{one['name']}: {failed['due']} {failed['error'] or failed['state']}", err=True)
    click.echo(data["response"])


def _line(one: dict[str, Any]) -> tuple[Any, ...]:
    config, status = one["config"], one["status"] or {}
    good = status.get("last_good")
    return (
        one["name"],
        f"{config.get('when')} {config.get('zone')}",
        good["finished_at"] if good else "never",
        status.get("next_due"),
        _state(config, status),
    )


def _state(config: dict[str, Any], status: dict[str, Any]) -> str:
    if config.get("paused"):
        return "paused"
    if not status:
        return "unknown"
    said = ["overdue"] if status["overdue"] else []
    said += ["running"] if status["running"] else []
    said += ["failed"] if _failed_since(status) else []
    return ", ".join(said) or "ok"


def _failed_since(status: dict[str, Any] | None) -> bool:
    """Whether the last run that ended was not good."""
    if not (status and status["last_failure"]):
        return False
    good = status["last_good"]
    return good is None or bool(good["due"] < status["last_failure"]["due"])


COMMAND = Command(
    "status",
    callback=show_status,
    params=[],
    help=HELP,
    short_help="Are backups overdue? Exit status 1 if one is.",
    epilog=EXAMPLES,
)
