"""The texts for people, by code, and how the code refers to them: say("backup_file_missing", path=path).

Each module here is the catalogue of one language: its `TEXTS` give a str.format template for every code. Nothing else
lives here, and nothing of the project is imported, so that the pure rooms may use it too.
"""

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import Any

LANGUAGE = "zh"
"""The language of the answers."""
CATALOGUES: dict[str, Mapping[str, str]] = {
    module.name: import_module(f"{__name__}.{module.name}").TEXTS for module in pkgutil.iter_modules(__path__)
}

Param = str | int | float | tuple[str, ...]
"""What stands in a gap: a text, a Message, a number, or several texts, which are listed with commas."""


class Message(str):
    """A text in the language of the answers that knows its code and parameters, and so can be said in another one."""

    code: str
    params: Mapping[str, Param]

    def __new__(cls, code: str, params: Mapping[str, Param]) -> "Message":
        message = super().__new__(cls, _rendered(code, params, LANGUAGE))
        message.code, message.params = code, params
        return message

    def __reduce__(self) -> tuple[type["Message"], tuple[str, Mapping[str, Param]]]:
        return Message, (self.code, self.params)

    def in_language(self, language: str) -> str:
        """The same in another language, with the messages among its parameters. Raises KeyError for an unknown one."""
        return _rendered(self.code, self.params, language)


def say(code: str, /, **params: Param) -> Message:
    """The text of a code. Raises KeyError where the code, or a parameter of its text, is missing."""
    return Message(code, params)


def translated(value: Any, language: str) -> Any:
    """A JSON value with each message in it, at any depth, in another language. Other strings stay as they are."""
    if isinstance(value, Message):
        return value.in_language(language)
    if isinstance(value, Mapping):
        return {name: translated(one, language) for name, one in value.items()}
    return [translated(one, language) for one in value] if isinstance(value, list | tuple) else value


def _rendered(code: str, params: Mapping[str, Param], language: str) -> str:
    gaps = {name: _filled(param, language) for name, param in params.items()}
    return CATALOGUES[language][code].format(**gaps)


def _filled(param: Param, language: str) -> str | int | float:
    if isinstance(param, tuple):
        return ", ".join(str(_filled(one, language)) for one in param)
    return param.in_language(language) if isinstance(param, Message) else param
