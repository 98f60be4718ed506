"""A command of ours: its failures are the API's, and are told the same way."""

from typing import Any

import click

from common import uncaught
from common.errors import InternalError, ServiceError
from common.messages import say
from data_pipeline.cli import answers
from data_pipeline.postgres_server.cluster import EmbeddedServerError
from data_pipeline.settings import SettingsError

JSON = click.Option(["--json", "as_json"], is_flag=True, help="Print the data of the API's answer.")
TOLD = (click.ClickException, click.exceptions.Exit, click.Abort, SettingsError, EmbeddedServerError, OSError)
"""What command_line tells."""


CHECKOUT = "python unified_api.py"
"""How the examples of help texts are called: from the project's directory."""


def program() -> str:
    """How the command that is running was called, without its arguments."""
    return click.get_current_context().find_root().info_name or CHECKOUT


class Naming(click.Command):
    """A command whose examples are called as it was called itself."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.epilog:
            text = self.epilog.replace(CHECKOUT, ctx.find_root().info_name or CHECKOUT)
            with formatter.indentation():
                formatter.write_paragraph()
                formatter.write_text(text)


class NamingGroup(Naming, click.Group):
    """The same of a command with commands of its own."""


class Command(Naming):
    """A command with --json. Its callback returns the exit status, and may raise ServiceError."""

    def __init__(self, name: str, *, params: list[click.Parameter], **more: Any) -> None:
        super().__init__(name, params=[*params, JSON], **more)

    def invoke(self, ctx: click.Context) -> int:
        as_json: bool = ctx.params["as_json"]
        try:
            status: int = super().invoke(ctx)
            return status
        except ServiceError as error:
            return answers.fail(error, as_json)
        except TOLD:
            raise
        except Exception as error:
            _log(error)
            return answers.fail(InternalError(say("internal_error")), as_json)


def _log(error: Exception) -> None:
    """Only the kind of error and where it came from: its text may quote a row or a password."""
    click.echo(f"unexpected error: {type(error).__name__} at {uncaught.where(error)}", err=True)
