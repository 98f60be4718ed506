"""`python unified_api.py tables`"""

from typing import Any

import click

from common.sizes import format_size
from data_pipeline.api.requests.bodies import TablesQuery
from data_pipeline.cli import answers, options, process
from data_pipeline.cli.answers import DONE, Answer
from data_pipeline.cli.command import Command
from data_pipeline.operations.tables import TableList

HELP = "List the tables of a database: whose they are, their vectors, and which can be backed up."
EXAMPLES = """\b
Examples:
  python unified_api.py tables
  python unified_api.py tables --target staging --json
"""


def list_tables(as_json: bool, **given: Any) -> int:
    query = options.query(TablesQuery, given)
    with process.engine() as engine:
        answers.give(TableList(engine).scan(query.target), as_json, _tell)
    return DONE


def _tell(data: Answer) -> None:
    click.echo(f"{data['response']} ({answers.place(data['target'])})")
    rows = [
        (
            f"{one['schema']}.{one['name']}",
            one["recognised_as"] or one["kind"],
            ", ".join(map(_vector, one["vectors"])) or None,
            one["rows"],
            None if one["bytes"] is None else format_size(one["bytes"]),
            one.get("why_not"),
        )
        for one in data["tables"]
    ]
    if rows:
        answers.table(rows, "table", "what", "vectors", "rows", "size", "can't be backed up")


def _vector(one: dict[str, Any]) -> str:
    return f"{one['column']} {one['type']}({one['dimensions'] or ''})".removesuffix("()")


COMMAND = Command(
    "tables",
    callback=list_tables,
    params=[*options.of(TablesQuery)],
    help=HELP,
    short_help="List the tables of a database.",
    epilog=EXAMPLES,
)
