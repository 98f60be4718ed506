"""`python unified_api.py import`"""

import json
from pathlib import Path
from typing import Any, get_args

import click

from data_pipeline.cli import answers, confirmation, options, process
from data_pipeline.cli.answers import DONE, Answer
from data_pipeline.cli.command import Command
from data_pipeline.cli.task import Task
from data_pipeline.operations.reference_data.reference_import import ReferenceImport
from data_pipeline.operations.requests.reference_data import ImportMode, ImportOptions

HELP = """Merge the entries of a file (JSON, TOML, JSON lines or CSV) into a table, by key and in one transaction.

TABLE is schema.table, or a table of PGVECTOR_SCHEMA. --mode replace removes rows that the file does not have, and asks
before it does."""
EXAMPLES = """\b
Examples:
  python unified_api.py import public.prices prices.json --dry-run
  python unified_api.py import public.prices prices.toml --key model --keep '{"source": "manual"}'
  python unified_api.py import public.prices prices.csv --keep '{"source": "manual"}' --overwrite gpt-4
"""


def import_table(as_json: bool, progress: bool | None, yes: bool, table: str, file: Path, **given: Any) -> int:
    target = given.pop("target")
    request = options.body(ImportOptions, given)
    data = file.read_bytes()
    with process.engine() as engine:
        where = engine.databases.named(target)
        if request.removes:
            place = answers.place(where.public())
            confirmation.expect(f"Rows of {table} that {file.name} does not have will be removed from {place}.", yes)
        work = ReferenceImport(engine)
        answers.give(Task(progress).run(lambda meter: work.run(where, table, data, request, meter)), as_json, _tell)
    return DONE


def _json_object(_ctx: click.Context, _option: click.Parameter, value: str | None) -> Any:
    try:
        return None if value is None else json.loads(value)
    except ValueError:
        raise click.BadParameter("no JSON") from None


def _key(_ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[Any, ...]:
    """Of several columns a JSON array."""
    return tuple(json.loads(value) if value.startswith("[") else value for value in values)


def _tell(data: Answer) -> None:
    click.echo(data["response"])
    counted = ("entries", "inserted", "updated", "unchanged", "kept", "removed")
    answers.table([tuple(data[name] for name in counted)], *counted)
    for warning in data["warnings"]:
        click.echo(f"warning: {warning}", err=True)


def _described(name: str) -> str:
    return ImportOptions.model_fields[name].description or ""


COMMAND = Command(
    "import",
    callback=import_table,
    params=[
        click.Argument(["table"]),
        click.Argument(["file"], type=click.Path(dir_okay=False, path_type=Path)),
        click.Option(["--key"], multiple=True, help=f"{_described('key')} (repeatable)"),
        click.Option(
            ["--mode"], type=click.Choice(get_args(ImportMode)), help=f"{_described('mode')} [default: update]"
        ),
        click.Option(["--keep"], metavar="JSON", callback=_json_object, help=_described("keep")),
        click.Option(["--overwrite"], multiple=True, callback=_key, help=f"{_described('overwrite')} (repeatable)"),
        click.Option(["--dry-run", "dry_run"], is_flag=True, default=None, help=_described("dry_run")),
        click.Option(["--target"], help="The database, by its name in TARGETS; the configured one if absent"),
        options.PROGRESS,
        options.YES,
    ],
    help=HELP,
    short_help="Merge reference data into a table.",
    epilog=EXAMPLES,
)
