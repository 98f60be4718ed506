"""The language of what commands answer: --lang, else the locale's, else that of the API's answers."""

from collections.abc import Mapping
from typing import Any

import click

from common.messages import CATALOGUES, LANGUAGE, translated

VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""The first that isn't empty decides (POSIX, 8.2)."""


def of_locale(environ: Mapping[str, str]) -> str:
    """The language of a locale such as en_US.UTF-8; C, POSIX and languages without texts get the default."""
    name = next((environ[variable] for variable in VARIABLES if environ.get(variable)), "")
    tag = name.partition(".")[0].partition("_")[0].lower()
    return tag if tag in CATALOGUES else LANGUAGE


def told(value: Any) -> Any:
    """A JSON value with its messages in the language of the command that is running."""
    context = click.get_current_context(silent=True)
    chosen: str = (context.find_root().obj if context else None) or LANGUAGE
    return value if chosen == LANGUAGE else translated(value, chosen)
