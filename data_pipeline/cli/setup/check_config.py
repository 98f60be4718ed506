"""`python unified_api.py check-config`"""

import os
from collections.abc import Mapping
from typing import Any

import click

from common.messages import say
from data_pipeline import config_file
from data_pipeline.api.operating import configuration
from data_pipeline.cli import answers
from data_pipeline.cli.answers import DONE, Answer
from data_pipeline.cli.command import Command
from data_pipeline.engine import Engine
from data_pipeline.settings import Settings

HELP = """Read the settings as the service would, and show them with where each comes from: the environment, the
configuration file, or its default. Connects to nothing; a setting that can't be used is exit status 1."""
EXAMPLES = """\b
Examples:
  python unified_api.py check-config
  python unified_api.py check-config --json
"""


def check_config(as_json: bool) -> int:
    given = dict(os.environ)
    settings = Settings.load()
    Engine.build(settings)  # where the variables of buckets are no credentials, it says so
    file = config_file.find(given, config_file.names(Settings.load))
    answer: Answer = {
        "response": say("configuration_usable"),
        "file": str(file.path) if file.path else None,
        "settings": {
            name: {"value": value, "from": _origin(name, given, file.values)}
            for name, value in configuration.values(settings).items()
        },
    }
    if not settings.database_named:
        answer["warnings"] = [say("database_not_configured")]
    answers.give(answer, as_json, _tell)
    return DONE


def _origin(name: str, environ: Mapping[str, str], values: Mapping[str, str]) -> str:
    if environ.get(name):
        return "environment"
    return "file" if values.get(name) else "default"


def _tell(data: Answer) -> None:
    click.echo(f"{data['response']} ({data['file'] or 'no configuration file'})")
    rows = [(name, _shown(one["value"]), one["from"]) for name, one in data["settings"].items()]
    answers.table(rows, "setting", "value", "from")


def _shown(value: Any) -> str | None:
    """A value in a line."""
    if isinstance(value, dict):
        return answers.place(value) if "dbname" in value else ", ".join(f"{name}={one}" for name, one in value.items())
    return ", ".join(value) if isinstance(value, list) else None if value is None else str(value)


COMMAND = Command(
    "check-config",
    callback=check_config,
    params=[],
    help=HELP,
    short_help="Read the settings, and show them.",
    epilog=EXAMPLES,
)
