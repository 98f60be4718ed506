"""Before rows are removed, somebody has said so."""

import sys
from typing import IO

import click

from data_pipeline.cli.answers import USAGE


class Refused(click.ClickException):
    """Somebody was asked and said no: the status of a request that isn't meant, but no lesson in how to ask."""

    exit_code = USAGE

    def show(self, file: IO[str] | None = None) -> None:
        click.echo(self.format_message(), err=True)


def expect(what: str, given: bool) -> None:
    """Ask at a terminal, unless --yes was given. Raises Refused for a no, UsageError where nobody can be asked."""
    if given:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{what} Say --yes where nobody can be asked.")
    if not click.confirm(f"{what} Go on?", err=True):
        raise Refused("Nothing was done.")
