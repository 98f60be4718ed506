"""Before rows are removed, somebody has said so."""

import sys

import click


def expect(what: str, given: bool) -> None:
    """Ask at a terminal, unless --yes was given. Raises Abort for a no, UsageError where nobody can be asked."""
    if given:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{what} Say --yes where nobody can be asked.")
    if not click.confirm(f"{what} Go on?", err=True):
        raise click.UsageError("Nothing was done.")
