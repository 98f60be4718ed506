"""The texts for people, by code, and how the code refers to them: say("backup_file_missing", path=path).

Each module here is the catalogue of one language: its `TEXTS` give a str.format template for every code. Nothing else
lives here, and nothing of the project is imported, so that the pure rooms may use it too.
"""

import pkgutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any, cast

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


def codes(value: Any) -> list[list[Any]]:
    """Where in a JSON value messages stand, and what they are, as JSON: [path, code, params] of each.

    It is stored beside the value, in which JSON keeps their texts only.
    """
    return [[path, *_as_json(message)] for path, message in _messages(value, [])]


def recoded(value: Any, found: list[list[Any]]) -> Any:
    """A stored value with its messages as such again. A text that reads otherwise today stays as it was stored."""
    for path, code, params in found:
        *way, last = path
        holder = value
        for step in way:
            holder = holder[step]
        with suppress(KeyError):  # a code that this version doesn't have
            message = Message(code, {name: _from_json(param) for name, param in params.items()})
            if message == holder[last]:
                holder[last] = message
    return value


def _messages(value: Any, path: list[str | int]) -> Iterator[tuple[list[str | int], Message]]:
    if isinstance(value, Message):
        yield path, value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _messages(one, [*path, name])
    elif isinstance(value, list | tuple):
        for place, one in enumerate(value):
            yield from _messages(one, [*path, place])


def _as_json(message: Message) -> list[Any]:
    return [message.code, {name: _param_as_json(param) for name, param in message.params.items()}]


def _param_as_json(param: Param) -> Any:
    """A message as an object, several texts as an array."""
    if isinstance(param, Message):
        return {"message": _as_json(param)}
    return [_param_as_json(one) for one in param] if isinstance(param, tuple) else param


def _from_json(param: Any) -> Param:
    if isinstance(param, dict):
        code, params = param["message"]
        return Message(code, {name: _from_json(one) for name, one in params.items()})
    return tuple(cast("str", _from_json(one)) for one in param) if isinstance(param, list) else cast("Param", param)


def _rendered(code: str, params: Mapping[str, Param], language: str) -> str:
    gaps = {name: _filled(param, language) for name, param in params.items()}
    return CATALOGUES[language][code].format(**gaps)


def _filled(param: Param, language: str) -> str | int | float:
    if isinstance(param, tuple):
        return ", ".join(str(_filled(one, language)) for one in param)
    return param.in_language(language) if isinstance(param, Message) else param
