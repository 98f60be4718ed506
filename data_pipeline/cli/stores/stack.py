"""`python unified_api.py stack`."""

from functools import partial
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel

from data_pipeline.cli import answers, confirmation, operation, options, process
from data_pipeline.cli.answers import DONE, PARTLY, Answer
from data_pipeline.cli.command import Command, NamingGroup
from data_pipeline.operations.results.result import NamedBackup
from data_pipeline.operations.stacks.requests import StackBackupRequest, StackRestoreRequest, StackVerifyBody

EXAMPLES = """\b
Examples (SET stands for ./data_pipeline/training_data/vector_bak 20261120_170444):
  python unified_api.py stack backup voicehelper
  python unified_api.py stack sets voicehelper
  python unified_api.py stack restore voicehelper SET --dry-run
  python unified_api.py stack restore voicehelper SET --members cache --yes
  python unified_api.py stack drill voicehelper SET
  python unified_api.py stack upload stack_voicehelper_20261120_170444.tar.gz
"""
STACK = click.Argument(["stack"], metavar="STACK")
FILE = click.Argument(["file"], type=click.Path(path_type=Path, exists=True, dir_okay=False))
STORAGE = click.Option(["--storage"], default="local", help="Where the sets are, by the storage's name.")


def _back_up(as_json: bool, progress: bool | None, **given: Any) -> int:
    request = options.body(StackBackupRequest, given)
    with process.engine() as engine:
        if request.as_job:
            return operation.hand_over(engine, request, as_json)
        data = answers.give(operation.perform(engine, request, progress), as_json, _tell_sets)
    return PARTLY if data["errors"] else DONE


def _restore(as_json: bool, progress: bool | None, yes: bool, **given: Any) -> int:
    request = options.body(StackRestoreRequest, given)
    with process.engine() as engine:
        if request.removes:
            members = request.members or list(engine.settings.stacks.named.get(request.stack, {}))
            confirmation.expect(f"What {', '.join(members)} of {request.stack} hold will be replaced.", yes)
        if request.as_job:
            return operation.hand_over(engine, request, as_json)
        data = answers.give(operation.perform(engine, request, progress), as_json, _tell_restored)
    return PARTLY if data["errors"] else DONE


def _sets(as_json: bool, stack: str, storage: str) -> int:
    from data_pipeline.operations import registry
    from data_pipeline.operations.stacks.stack_manager import StackManager

    with process.engine() as engine:
        answers.give(StackManager(engine, registry.of(engine)).sets(stack, storage), as_json, _tell_list)
    return DONE


def _verify(as_json: bool, stack: str, **given: Any) -> int:
    from data_pipeline.operations import registry
    from data_pipeline.operations.stacks.stack_manager import StackManager

    body = options.body(StackVerifyBody, given)
    with process.engine() as engine:
        manager = StackManager(engine, registry.of(engine))
        answers.give(manager.verify(stack, _named(body), body.members), as_json, _tell_verified)
    return DONE


def _compare(as_json: bool, stack: str, **given: Any) -> int:
    from data_pipeline.operations import registry
    from data_pipeline.operations.stacks.compare import StackComparison
    from data_pipeline.operations.stacks.members import Members

    body = options.body(StackVerifyBody, given)
    with process.engine() as engine, process.jobs(engine):
        comparison = StackComparison(engine, Members(engine, registry.of(engine)))
        compared = comparison.compare(stack, _named(body), body.members)
        data = answers.give(compared, as_json, partial(_tell_checked, "identical"))
    return DONE if data["identical"] else PARTLY


def _drill(as_json: bool, progress: bool | None, stack: str, **given: Any) -> int:
    from data_pipeline.operations.stacks.drill import StackDrill

    body = options.body(StackVerifyBody, given)
    with process.engine() as engine:
        drill = StackDrill(engine, lambda request: operation.perform(engine, request, progress))
        drilled = drill.run(stack, _named(body), body.members)
        data = answers.give(drilled, as_json, partial(_tell_checked, "proven"))
    return DONE if data["proven"] else PARTLY


def _upload(as_json: bool, file: Path, storage: str) -> int:
    from data_pipeline.operations.stacks.upload import StackUpload

    with process.engine() as engine, file.open("rb") as tar:
        answers.give(StackUpload(engine).receive(tar, storage), as_json, _tell_uploaded)
    return DONE


def _named(body: StackVerifyBody) -> NamedBackup:
    return NamedBackup(backup_path=body.named_set.backup_path, timestamp=body.named_set.timestamp)


def _tell_sets(data: Answer) -> None:
    click.echo(data["response"])
    _tell_members(data["members"])
    click.echo(f"{data['backup_directory']} {data['backup_timestamp']}")
    for name, one in data["storages"].items():
        if not one["success"]:
            click.echo(f"not in storage {name}: {one['error']}", err=True)


def _tell_members(members: Answer) -> None:
    rows = [
        (role, one["family"], one["rows"], one["consistency"], one["started_at"], one["timestamp"])
        for role, one in members.items()
    ]
    answers.table(rows, "member", "store", "rows", "consistency", "of", "set")


def _tell_list(data: Answer) -> None:
    for one in data["sets"]:
        click.echo(f"{one['backup_path']} {one['timestamp']}{'' if one['whole'] else '  (not whole)'}")
        _tell_members(one["members"])
    for timestamp in data["damaged"]:
        click.echo(f"damaged: {timestamp}", err=True)


def _tell_restored(data: Answer) -> None:
    click.echo(data["response"])
    rows = [(role, one["family"], one["state"], one["timestamp"]) for role, one in data["members"].items()]
    answers.table(rows, "member", "store", "state", "set")
    for text in data["errors"]:
        click.echo(text, err=True)
    if undo := data.get("undo"):
        click.echo(f"what was there: {undo['set']['backup_path']} {undo['set']['timestamp']}")


def _tell_verified(data: Answer) -> None:
    click.echo(data["response"])
    for role, one in data["members"].items():
        click.echo(f"{role}: {', '.join(file['file'] for file in one['files'].values())}")


def _tell_checked(what: str, data: Answer) -> None:
    click.echo(data["response"])
    said = {True: "yes", False: "no", None: "unknown"}
    rows = [(role, one["family"], said[one[what]], one["timestamp"]) for role, one in data["members"].items()]
    answers.table(rows, "member", "store", what, "set")


def _tell_uploaded(data: Answer) -> None:
    _tell_verified(data)
    click.echo(f"{data['stack']}: {data['set']['backup_path']} {data['set']['timestamp']}")


def _stack_first(model: type[BaseModel]) -> list[click.Parameter]:
    return sorted(options.of(model), key=lambda parameter: parameter.name != "stack")


COMMAND = NamingGroup(
    "stack",
    [
        Command(
            "backup",
            callback=_back_up,
            params=[*_stack_first(StackBackupRequest), options.PROGRESS],
            help="Back up every member of a stack at a time.",
        ),
        Command(
            "restore",
            callback=_restore,
            params=[*_stack_first(StackRestoreRequest), options.YES, options.PROGRESS],
            help="Restore a stack's set, member after member, once all of it is verified.",
        ),
        Command("sets", callback=_sets, params=[STACK, STORAGE], help="List the sets of a stack."),
        Command(
            "verify",
            callback=_verify,
            params=[STACK, *options.of(StackVerifyBody)],
            help="Read every byte of a stack's set.",
        ),
        Command(
            "compare",
            callback=_compare,
            params=[STACK, *options.of(StackVerifyBody)],
            help="Compare a stack's set with what its members hold now.",
        ),
        Command(
            "drill",
            callback=_drill,
            params=[STACK, *options.of(StackVerifyBody), options.PROGRESS],
            help="Prove a stack's set: restore each member's into a server that is made for it.",
        ),
        Command("upload", callback=_upload, params=[FILE, STORAGE], help="Take a stack's set in: a download's tar.gz."),
    ],
    help="Stores that belong together, as STACKS names them: backed up and restored by one call.",
    short_help="Back up or restore a stack.",
    epilog=EXAMPLES,
)
