"""Removing rows takes a yes: at the terminal, or by --yes."""

import sys
from typing import IO

import click

from data_pipeline.cli.answers import USAGE


class Refused(click.ClickException):
    """The answer at the terminal was no: the status of a wrong call, without the usage that click prints for one."""

    exit_code = USAGE

    def show(self, file: IO[str] | None = None) -> None:
        click.echo(self.format_message(), err=True)


def expect(what: str, given: bool) -> None:
    """Ask at a terminal, unless --yes was given. Raises Refused for a no, UsageError without a terminal to ask at."""
    if given:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{what} Say --yes where nobody can be asked.")
    if not click.confirm(f"{what} Go on?", err=True):
        raise Refused("Nothing was done.")
