"""`vector-backup …`, or `python unified_api.py …`: which commands there are, and how the process ends."""

import os
import sys
from importlib import import_module

import click

from common.messages import CATALOGUES
from data_pipeline.cli import language
from data_pipeline.cli.answers import CANCELLED, FAILED
from data_pipeline.cli.command import CHECKOUT, Naming
from data_pipeline.cli.completion import VARIABLE
from data_pipeline.postgres_server.cluster import EmbeddedServerError
from data_pipeline.settings import SettingsError
from data_pipeline.version import VERSION

INSTALLED = "vector-backup"
"""The command of an installed package."""
COMMANDS = (
    *("serve", "worker", "backup", "list", "restore", "verify", "drill", "compare", "tables"),
    *("delete", "copy", "download", "upload", "bulk", "import", "rewrap", "jobs"),
    *("schedules", "status", "targets", "storages", "notifiers"),
    *("objects", "redis", "milvus", "databases", "stack", "neo4j"),
    *("users", "check-config", "doctor", "completion"),
)
MODULES = {
    "list": "sets.listing",
    "verify": "sets.verify",
    "drill": "sets.drill",
    **{name: f"sets.{name}" for name in ("delete", "copy", "download", "upload", "bulk", "rewrap")},
    "import": "sets.import_table",
    "schedules": "schedule.schedules",
    "status": "schedule.status",
    **{name: f"resource.{name}" for name in ("targets", "storages", "notifiers")},
    "users": "people.users",
    **{name: f"stores.{name}" for name in ("objects", "redis", "milvus", "databases", "stack", "neo4j")},
    "check-config": "setup.check_config",
    "doctor": "setup.doctor",
}
"""Where a command is, if not in the module of its name."""
SERVICES = {
    "serve": "Serve over HTTP, until SIGTERM or Ctrl-C.",
    "worker": "Run jobs, until SIGTERM or Ctrl-C.",
}
ABOUT = """Back up, list and restore LangChain's pgvector tables. Without a command: serve.

The commands read the same settings as the service: environment variables (DATABASE_URL, OUTPUT_DIRECTORY and the rest)
over the file vector-backup.toml. They work on the database and the storages themselves: no service has to run, and one
may.
"""
EPILOG = """\b
Exit status:
  0    done; compared, and identical
  1    failed; the reason is on standard error; status: a backup is overdue
  2    wrong usage, or a request that can't be meant
  3    done in part; compared, and different; a dry run that found problems;
       verified, but nothing vouches for the backup; drilled, and not proven
  130  cancelled by Ctrl-C (143: by SIGTERM); the tables are as before

\b
Examples:
  python unified_api.py list
  python unified_api.py backup --format binary
  python unified_api.py restore ./data_pipeline/training_data/vector_bak 20261120_170444 --dry-run
  python unified_api.py COMMAND --help
"""


class Commands(Naming, click.Group):
    """Each command's module is imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in SERVICES:
            return click.Command(cmd_name, callback=lambda: cmd_name, help=SERVICES[cmd_name])
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"data_pipeline.cli.{MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = module.COMMAND
        return command


@click.pass_context
def _begin(context: click.Context, lang: str | None) -> str | None:
    """Serve where no command is named."""
    context.obj = lang or language.of_locale(os.environ)
    return None if context.invoked_subcommand else "serve"


def run(program: str = CHECKOUT) -> str:
    """Do what the command line asks for and end the process; or return the service to run: "serve" or "worker".

    program: how it was started, as help and usage lines show it.
    """
    lang = click.Option(
        ["--lang"],
        type=click.Choice(sorted(CATALOGUES)),
        help="Language of answers and errors; if not said: that of the locale (LC_ALL, LC_MESSAGES, LANG), else zh.",
    )
    group = click.version_option(VERSION, prog_name=INSTALLED, message="%(prog)s %(version)s")(
        Commands(
            name="unified_api.py",
            callback=_begin,
            invoke_without_command=True,
            params=[lang],
            help=ABOUT,
            epilog=EPILOG,
        )
    )
    status = _status(group, program)
    if isinstance(status, str):
        return status
    sys.exit(status)


def _status(group: click.Group, program: str) -> int | str:
    """The exit status, or the name of a service."""
    try:
        status: int | str = group.main(prog_name=program, complete_var=VARIABLE, standalone_mode=False)
        return status
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return CANCELLED
    except BrokenPipeError:  # the reader of the pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (SettingsError, EmbeddedServerError, OSError) as error:
        click.echo(f"unified_api: {error}", err=True)
        return FAILED
