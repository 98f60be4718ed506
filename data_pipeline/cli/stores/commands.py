"""The commands of one store: backup, restore and compare, with the API's fields as options."""

from collections.abc import Callable
from typing import Any

import click

from data_pipeline.cli import answers, confirmation, operation, options, process
from data_pipeline.cli.answers import DONE, PARTLY, Answer
from data_pipeline.cli.command import Command, NamingGroup
from data_pipeline.engine import Engine
from data_pipeline.operations.requests.database import DatabaseRestoreRequest
from data_pipeline.operations.requests.request import OperationRequest, Request
from data_pipeline.operations.requests.store import StoreRestoreRequest, StoringRequest
from data_pipeline.operations.results.result import Result

Tell = Callable[[Answer], None]


class StoreCommands:
    """backup, restore: the requests' models. tell_backup, tell_restore: print an answer. consequence: what is to be
    confirmed; {target} and {timestamp} stand in it."""

    def __init__(
        self,
        backup: type[StoringRequest],
        restore: type[StoreRestoreRequest | DatabaseRestoreRequest],
        *,
        tell_backup: Tell | None = None,
        tell_restore: Tell | None = None,
        consequence: str = "What {target} holds will be replaced by {timestamp}.",
    ) -> None:
        self._backup = backup
        self._restore = restore
        self._tell_backup = tell_backup or _tell_files
        self._tell_restore = tell_restore or _tell_counts
        self._consequence = consequence

    def group(self, name: str, about: str, epilog: str) -> click.Group:
        commands = self.pair(
            f"Back up {about}.",
            f"Restore {about}: the set's path and timestamp as the list shows them, and the target.",
        )
        short = f"Back up or restore {about}."
        return NamingGroup(name, commands, help=short, short_help=short, epilog=epilog)

    def pair(self, backup_help: str, restore_help: str) -> list[click.Command]:
        """The two commands."""
        backup_params = [*options.of(self._backup), options.PROGRESS]
        restore_params = [*options.of(self._restore), options.YES, options.PROGRESS]
        return [
            Command("backup", callback=self._back_up, params=backup_params, help=backup_help),
            Command("restore", callback=self._bring_back, params=restore_params, help=restore_help),
        ]

    def _back_up(self, as_json: bool, progress: bool | None, **given: Any) -> int:
        with process.engine() as engine:
            return _perform(engine, options.body(self._backup, given), as_json, progress, self._tell_backup)

    def _bring_back(self, as_json: bool, progress: bool | None, yes: bool, **given: Any) -> int:
        request = options.body(self._restore, given)
        with process.engine() as engine:
            if request.removes:
                target = request.target or "the configured database"
                text = self._consequence.format(target=target, timestamp=request.named_set.timestamp)
                confirmation.expect(text, yes)
            return _perform(engine, request, as_json, progress, self._tell_restore)


def comparison(
    request: type[Request], compare: Callable[[Engine, Any], Result], tell: Tell, help_: str
) -> click.Command:
    """The command that compares a set. compare: does it, given a request of that type."""

    def run(as_json: bool, **given: Any) -> int:
        with process.engine() as engine:
            data = answers.give(compare(engine, options.body(request, given)), as_json, tell)
        return DONE if data["identical"] else PARTLY

    return Command("compare", callback=run, params=options.of(request), help=help_)


def _perform(engine: Engine, request: OperationRequest, as_json: bool, progress: bool | None, tell: Tell) -> int:
    if request.as_job:
        return operation.hand_over(engine, request, as_json)
    data = answers.give(operation.perform(engine, request, progress), as_json, tell)
    return PARTLY if any(data.get(key) for key in ("errors", "problems", "partial")) else DONE


def _tell_files(data: Answer) -> None:
    click.echo(data["response"])
    rows = [(key, one["row_count"], one["file_size"], one["backup_file"]) for key, one in data["files"].items()]
    answers.table(rows, "what", "rows", "size", "file")
    click.echo(f"{data['backup_directory']} {data['backup_timestamp']}")
    click.echo(f"from {answers.place(data['target'])}, {data['duration']} s")
    for name, one in data["storages"].items():
        if not one["success"]:
            click.echo(f"not in storage {name}: {one['error']}", err=True)


def _tell_counts(data: Answer) -> None:
    """What a store has counted: each number by its name."""
    click.echo(data["response"])
    for value in data.values():
        counts = value if isinstance(value, dict) else {}
        if counts and all(isinstance(count, int) and not isinstance(count, bool) for count in counts.values()):
            click.echo(", ".join(f"{name} {count}" for name, count in counts.items()))
    if undo := data.get("undo"):
        named = undo["set"]
        click.echo(f"what was there: {named['backup_path']} {named['timestamp']}")
