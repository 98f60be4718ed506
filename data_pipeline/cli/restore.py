"""`python unified_api.py restore`"""

from typing import Any

import click

from data_pipeline.cli import answers, confirmation, operation, options, process
from data_pipeline.cli.answers import DONE, PARTLY, Answer
from data_pipeline.cli.command import Command, program
from data_pipeline.engine import Engine
from data_pipeline.operations import newest
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.storage import location

HELP = """Restore a backup: BACKUP_PATH and TIMESTAMP as the list shows them. "restore latest" takes the whole system's
newest backup of everything, "restore BACKUP_PATH latest" that of a directory; what a restore has saved first is none.

Rows are added to those that are there; --truncate-before-restore replaces these, all or nothing, and --strategy sync
writes only what differs, --strategy swap puts new tables in place. These remove rows, and ask before they do. Ctrl-C
rolls back."""
LATEST = "latest"
EXAMPLES = """\b
Examples (SET stands for ./data_pipeline/training_data/vector_bak 20261120_170444):
  python unified_api.py restore SET --truncate-before-restore --dry-run
  python unified_api.py restore SET --truncate-before-restore --backup-before-restore
  python unified_api.py restore SET --collections docs --collection-suffix _old
  python unified_api.py restore SET --strategy sync --yes --json
  python unified_api.py restore SET --into '{"layout": "pgvectorstore"}' --dry-run
  python unified_api.py restore latest --pg-conn staging --strategy sync --create-tables --refuse-source
"""


def restore(as_json: bool, progress: bool | None, yes: bool, **given: Any) -> int:
    with process.engine() as engine:
        request = options.body(RestoreRequest, _named(engine, given))
        if request.removes and not request.dry_run:
            confirmation.expect(_question(engine, request), yes)
        if request.as_job:
            return operation.hand_over(engine, request, as_json)
        answer = operation.perform(engine, request, progress)
        data = answers.give(answer, as_json, _tell)
    return PARTLY if data["errors"] or data.get("problems") else DONE


def _named(engine: Engine, given: dict[str, Any]) -> dict[str, Any]:
    """The same with the path and timestamp of a set in place of "latest"."""
    path = given["backup_path"]
    if LATEST not in (path, given["timestamp"]):
        if given["timestamp"] is None:
            raise click.UsageError("Missing argument 'TIMESTAMP'.", click.get_current_context())
        return given
    where = engine.catalog.location(None) if path == LATEST else location.parse(path)
    engine.storages.check(where.storage)
    found = newest.whole(engine.catalog, where)
    return {**given, "backup_path": where.relative_path, "timestamp": found.timestamp}


def _question(engine: Engine, request: RestoreRequest) -> str:
    target = answers.place(engine.databases.resolve(request.pg_conn).public())
    what = f"collections {', '.join(request.collections)}" if request.collections else "all collections"
    return f"Rows of {what} in {target} will be replaced by those of {request.timestamp}."


def _tell(data: Answer) -> None:
    click.echo(f"Dry run, nothing was changed: {data['response']}" if "problems" in data else data["response"])
    before = data.get("truncate_results", {})
    rows = [
        (name, before[name]["rows_before"] if name in before else None, *_counts(one))
        for name, one in data["restore_results"].items()
    ]
    written, deleted = ("to be written", "to be deleted") if "problems" in data else ("written", "deleted")
    if rows:  # a rehearsal that couldn't begin has none
        answers.table(rows, "table", "rows before", written, "kept", deleted, "size")
    for problem in data.get("problems", []):
        click.echo(f"problem: {problem['error']} ({problem['error_type']})", err=True)
    for name, one in data["restore_results"].items():
        if not one["success"] and "problems" not in data:
            click.echo(f"{name}: {one['error']}", err=True)
    _tell_times(data)
    if undo := data.get("undo"):
        click.echo(f"undo: {program()} restore {options.spelled(undo)}")


def _counts(one: dict[str, Any]) -> tuple[Any, ...]:
    kept = one.get("rows_unchanged", one.get("rows_skipped"))
    return one.get("rows_restored"), kept, one.get("rows_deleted"), one.get("file_size")


def _tell_times(data: Answer) -> None:
    waited, words = data.get("readers_blocked_seconds"), "readers waited"
    if expected := data.get("expected"):
        waited, words = expected["readers_blocked_seconds"], "readers would wait about"
    readers = f"; {words} {waited} s" if waited is not None else ""
    click.echo(f"into {answers.place(data['target'])}, {data['duration']} s{readers}")


COMMAND = Command(
    "restore",
    callback=restore,
    params=[*options.of(RestoreRequest, arguments=("timestamp",)), options.YES, options.PROGRESS],
    help=HELP,
    short_help="Restore a backup.",
    epilog=EXAMPLES,
)
