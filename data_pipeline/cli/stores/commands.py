"""The commands of one store: backup and restore, with the API's fields as options."""

from typing import Any

import click

from data_pipeline.cli import answers, confirmation, operation, options, process
from data_pipeline.cli.answers import DONE, PARTLY, Answer
from data_pipeline.cli.command import Command, NamingGroup
from data_pipeline.operations.requests.store import StoreBackupRequest, StoreRestoreRequest


class StoreCommands:
    """backup, restore: the requests' models."""

    def __init__(self, backup: type[StoreBackupRequest], restore: type[StoreRestoreRequest]) -> None:
        self._backup = backup
        self._restore = restore

    def group(self, name: str, about: str, epilog: str) -> click.Group:
        commands: list[click.Command] = [
            Command(
                "backup",
                callback=self._back_up,
                params=[*options.of(self._backup), options.PROGRESS],
                help=f"Back up {about}.",
            ),
            Command(
                "restore",
                callback=self._bring_back,
                params=[*options.of(self._restore), options.YES, options.PROGRESS],
                help=f"Restore {about}: the set's path and timestamp as the list shows them, and the target.",
            ),
        ]
        short = f"Back up or restore {about}."
        return NamingGroup(name, commands, help=short, short_help=short, epilog=epilog)

    def _back_up(self, as_json: bool, progress: bool | None, **given: Any) -> int:
        request = options.body(self._backup, given)
        with process.engine() as engine:
            if request.as_job:
                return operation.hand_over(engine, request, as_json)
            data = answers.give(operation.perform(engine, request, progress), as_json, tell_backup)
        return PARTLY if data["errors"] else DONE

    def _bring_back(self, as_json: bool, progress: bool | None, yes: bool, **given: Any) -> int:
        request = options.body(self._restore, given)
        with process.engine() as engine:
            if request.removes:
                confirmation.expect(
                    f"What {request.target} holds will be replaced by {request.named_set.timestamp}.", yes
                )
            if request.as_job:
                return operation.hand_over(engine, request, as_json)
            data = answers.give(operation.perform(engine, request, progress), as_json, _tell_restore)
        return PARTLY if data.get("errors") else DONE


def tell_backup(data: Answer) -> None:
    click.echo(data["response"])
    rows = [(key, one["row_count"], one["file_size"], one["backup_file"]) for key, one in data["files"].items()]
    answers.table(rows, "what", "rows", "size", "file")
    click.echo(f"{data['backup_directory']} {data['backup_timestamp']}")
    click.echo(f"from {answers.place(data['target'])}, {data['duration']} s")
    for name, one in data["storages"].items():
        if not one["success"]:
            click.echo(f"not in storage {name}: {one['error']}", err=True)


def _tell_restore(data: Answer) -> None:
    """Whatever a store counts: each number by its name."""
    click.echo(data["response"])
    for value in data.values():
        counts = value if isinstance(value, dict) else {}
        if counts and all(isinstance(count, int) and not isinstance(count, bool) for count in counts.values()):
            click.echo(", ".join(f"{name} {count}" for name, count in counts.items()))
    if undo := data.get("undo"):
        named = undo["set"]
        click.echo(f"what was there: {named['backup_path']} {named['timestamp']}")
