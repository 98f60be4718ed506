"""`python unified_api.py bulk`"""

import sys
from pathlib import Path
from typing import Any, get_args

import click

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.api.download import Downloads
from data_pipeline.cli import answers, confirmation, options, process
from data_pipeline.cli.answers import DONE, PARTLY, Answer
from data_pipeline.cli.command import Command
from data_pipeline.cli.sets.download import write_file
from data_pipeline.engine import Engine
from data_pipeline.operations.bulk.bulk_sets import BulkSets
from data_pipeline.operations.requests.bulk import Action, BulkRequest
from data_pipeline.operations.verification import Verification

HELP = """Verify, copy, delete or download many backups. All are looked at before the first is touched.

SETS are LOCATION/TIMESTAMP or STORAGE/LOCATION/TIMESTAMP, where LOCATION is global, or a task id; "-" reads them from
standard input, one a line."""
EXAMPLES = """\b
Examples:
  python unified_api.py bulk verify global/20261120_170444 archive/global/20261120_170444
  python unified_api.py bulk copy --to archive global/20261120_170444 global/20261121_170444
  python unified_api.py bulk delete --yes - < sets.txt
  python unified_api.py bulk download --output sets.tar global/20261120_170444
"""
OUTPUT = click.Option(
    ["--output"],
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("vector_backups.tar"),
    help="Of download: the file. [default: vector_backups.tar]",
)


def bulk(as_json: bool, yes: bool, output: Path, action: str, sets: tuple[str, ...], to: str | None) -> int:
    words = [word for one in sets for word in (sys.stdin.read().split() if one == "-" else [one])]
    request = BulkRequest.read({"action": action, "sets": [_named(word) for word in words], "to": to})
    with process.engine() as engine, process.jobs(engine) as jobs:
        work = BulkSets(engine, Verification(engine, jobs.checks.note))
        if action == "download":
            return _download(engine, work, request, output, as_json)
        if action == "delete":
            work.expect_possible(request)
            confirmation.expect(f"{len(request.sets)} backups will be removed for good: {', '.join(words)}.", yes)
        data = answers.give(work.run(request), as_json, _tell)
    return PARTLY if data["errors"] else DONE


def _named(word: str) -> dict[str, str]:
    """From STORAGE/LOCATION/TIMESTAMP, where the storage may be left out."""
    parts = word.split("/")
    if len(parts) not in (2, 3):
        raise InvalidParams(say("param_invalid", field="sets", reason=say("value_invalid")), details={"field": "sets"})
    return dict(zip(("timestamp", "location", "storage"), reversed(parts), strict=False))


def _download(engine: Engine, work: BulkSets, request: BulkRequest, output: Path, as_json: bool) -> int:
    opened = Downloads(engine).open_all(work.expect_possible(request))
    with opened.held:
        write_file(output, opened.archive.read(opened.start, opened.end))
    done = {"file": str(output), "bytes": opened.archive.size}
    if as_json:
        answers.print_json(done)
    else:
        click.echo(f"{done['file']}: {done['bytes']} bytes")
    return DONE


def _tell(data: Answer) -> None:
    click.echo(data["response"])
    rows = [(one["storage"], one["location"], one["timestamp"], _result(one)) for one in data["sets"]]
    answers.table(rows, "storage", "location", "timestamp", "result")


def _result(one: dict[str, Any]) -> str:
    return "done" if one["success"] else str(one["error"])


COMMAND = Command(
    "bulk",
    callback=bulk,
    params=[
        click.Argument(["action"], type=click.Choice(get_args(Action))),
        click.Argument(["sets"], nargs=-1, required=True),
        click.Option(["--to"], help=BulkRequest.model_fields["to"].description),
        OUTPUT,
        options.YES,
    ],
    help=HELP,
    short_help="Verify, copy, delete or download many backups.",
    epilog=EXAMPLES,
)
