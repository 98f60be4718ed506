"""What a command prints, and the exit status it ends with. Results go to standard output, all else to the other."""

import json
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import click

from common.errors import ServiceError
from common.result import error_response, success_response
from data_pipeline.cli import language
from data_pipeline.operations.results.result import Result

DONE = 0
FAILED = 1
USAGE = 2
PARTLY = 3
CANCELLED = 130
"""128 and the signal's number, as shells count."""

Answer = dict[str, Any]
"""The data of an answer, `response` included, as the API gives it."""


def give(result: Result | Answer, as_json: bool, tell: Callable[[Answer], None]) -> Answer:
    """Print an answer as JSON, or in words; returns it as it was printed: with its timestamp, as the API answers it."""
    answer = result.data() if isinstance(result, Result) else result
    response, more = answer["response"], {name: value for name, value in answer.items() if name != "response"}
    data: Answer = language.told(success_response(response, more)["data"])
    if as_json:
        print_json(data)
    else:
        tell(data)
        for warning in data.get("warnings", []):
            click.echo(f"warning: {warning}", err=True)
    return data


def print_json(data: Any) -> None:
    click.echo(json.dumps(data, ensure_ascii=False, indent=2))


def fail(error: ServiceError, as_json: bool) -> int:
    """Print a failure; the exit status."""
    data = language.told(error_response(error)["data"])
    if as_json:
        print_json(data)
    click.echo(f"error: {data['response']} ({error.error_type})", err=True)
    details = data.get("details")
    if isinstance(details, dict) and "cause" in details:
        click.echo(f"Why: {details['reason']} ({details['cause']})", err=True)
    if target := error.data.get("target"):
        click.echo(f"Database: {place(target)}", err=True)
    if error.data.get("rolled_back"):
        click.echo("The tables are as before.", err=True)
    if first := error.data.get("backup_before_restore"):
        click.echo(f"The backup that was taken first is there: {first['backup_path']} {first['timestamp']}", err=True)
    if error.data.get("can_retry"):
        click.echo("It may work when it is tried again.", err=True)
    return USAGE if error.status == 400 else FAILED


def table(rows: Sequence[Sequence[Any]], *heads: str) -> None:
    """Print rows below their heads: numbers to the right, columns without any value not at all."""
    columns = [column for column in zip(heads, *rows, strict=True) if any(value is not None for value in column[1:])]
    click.echo("\n".join("  ".join(line).rstrip() for line in zip(*map(_column, columns), strict=True)))


def _column(values: Sequence[Any]) -> list[str]:
    """A head and the values below it, all of one width."""
    texts = ["" if value is None else str(value) for value in values]
    width = max(map(_width, texts))
    right = any(isinstance(value, int | float) for value in values)
    return [_padded(text, width, right) for text in texts]


def _padded(text: str, width: int, right: bool) -> str:
    filling = " " * (width - _width(text))
    return filling + text if right else text + filling


def _width(text: str) -> int:
    """In columns of a terminal: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def place(target: dict[str, Any]) -> str:
    """A database, for people."""
    schema = f", schema {target['schema']}," if "schema" in target else ""
    return f"{target['dbname']}{schema} on {target['host']}:{target['port']}"
