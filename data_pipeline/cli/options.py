"""The options of a command, made from the API's own request model, so that neither has one that the other lacks."""

import json
import shlex
from collections.abc import Sequence
from typing import Any, TypeVar

import click
from pydantic import BaseModel

from data_pipeline.operations.requests.request import Request

R = TypeVar("R", bound=Request)
A_SET = "BACKUP_PATH TIMESTAMP"

PROGRESS = click.Option(
    ["--progress/--no-progress"],
    default=None,
    help="Whether to draw a progress bar on standard error; if not said: at a terminal.",
)
YES = click.Option(["--yes"], is_flag=True, help="Remove rows without asking; needed where nobody can be asked.")


def of(*models: type[BaseModel], arguments: Sequence[str] = ()) -> list[click.Parameter]:
    """An argument for each required field, an option for each other one, by the API's names.

    arguments: fields that are arguments, too, and may be left out.
    """
    return [
        click.Argument([name], metavar=f"[{name.upper()}]", required=False)
        if name in arguments
        else _parameter(name, prop, schema)
        for schema in (model.model_json_schema() for model in models)
        for name, prop in schema["properties"].items()
    ]


def _parameter(name: str, prop: dict[str, Any], schema: dict[str, Any]) -> click.Parameter:
    found = next((one for one in prop.get("anyOf", [prop]) if one != {"type": "null"}), prop)
    if name in schema.get("required", []) and _is_a_set(found, schema):
        return click.Argument([name], nargs=2, type=str, metavar=A_SET, callback=_named)
    if name in schema.get("required", []):
        return click.Argument([name], metavar=name.upper())
    if name in PAIRS:
        metavar, read = PAIRS[name]
        text = f"{prop['description']} (repeatable)"
        flag = f"--{name.replace('_', '-')}"
        return click.Option([flag, name], nargs=2, type=str, multiple=True, metavar=metavar, help=text, callback=read)
    default = prop.get("default")
    shown = "" if default in (None, False, True) else f" [default: {_listed(default)}]"
    flag, text = f"--{name.replace('_', '-')}", f"{prop['description']}{shown}"
    kind = found.get("type")
    if kind == "boolean":
        return click.Option([_switch(flag, default), name], default=None, help=text, is_flag=True)
    if kind == "array":
        words = [one["const"] for one in prop.get("anyOf", []) if "const" in one]
        return click.Option(
            [flag, name],
            multiple=True,
            type=_type(found["items"]),
            help=f"{text} (repeatable)",
            callback=lambda _context, _option, value: value[0] if list(value) in [[word] for word in words] else value,
        )
    if kind == "object" or not _is_set(found, schema):
        return click.Option([flag, name], type=str, metavar="JSON", help=text, callback=_json)
    if kind is None:  # a backup set: its path and its timestamp
        return click.Option([flag, name], nargs=2, type=str, metavar=A_SET, help=text, callback=_named)
    return click.Option([flag, name], type=_type(found), help=text)


def _renamed(
    _ctx: click.Context, _option: click.Parameter, pairs: tuple[tuple[str, str], ...]
) -> dict[str, str] | None:
    return dict(pairs) if pairs else None


def _chosen_rows(
    _ctx: click.Context, _option: click.Parameter, pairs: tuple[tuple[str, str], ...]
) -> dict[str, Any] | None:
    """The values of one column; of two columns the request says what is wrong."""
    columns = list(dict.fromkeys(column for column, _ in pairs))
    if len(columns) > 1:
        raise click.BadParameter(f"all of one column, not of {' and '.join(columns)}")
    return {"column": columns[0], "in": [value for _, value in pairs]} if pairs else None


def _is_set(found: dict[str, Any], schema: dict[str, Any]) -> bool:
    """Whether an object is a backup set, if it is one at all: the others are given as JSON."""
    return "$ref" not in found or _is_a_set(found, schema)


def _is_a_set(found: dict[str, Any], schema: dict[str, Any]) -> bool:
    properties = schema.get("$defs", {}).get(found.get("$ref", "").rpartition("/")[2], {}).get("properties", {})
    return set(properties) == {"backup_path", "timestamp"}


def _json(_ctx: click.Context, _option: click.Parameter, value: str | None) -> Any:
    try:
        return None if value is None else json.loads(value)
    except ValueError:
        raise click.BadParameter("no JSON") from None


def _named(_ctx: click.Context, _option: click.Parameter, value: tuple[str, str] | None) -> dict[str, str] | None:
    return {"backup_path": value[0], "timestamp": value[1]} if value else None


def _switch(flag: str, default: bool | None) -> str:
    """What is off needs no way to say so."""
    return flag if default is False else f"{flag}/--no-{flag.removeprefix('--')}"


def _type(schema: dict[str, Any]) -> Any:
    if "enum" in schema:
        return click.Choice(schema["enum"])
    return int if schema.get("type") == "integer" else str


def _listed(default: Any) -> str:
    return ", ".join(default) if isinstance(default, Sequence) and not isinstance(default, str) else str(default)


def body(model: type[R], given: dict[str, Any]) -> R:
    """A request with what was given, as its model reads it. Raises InvalidParams or MissingParams."""
    return model.read({name: _as_body(value) for name, value in _said(model, given).items()})


def query(model: type[R], given: dict[str, Any]) -> R:
    """The same for a query, whose values are texts."""
    said = _said(model, given).items()
    return model.read({name: str(value).lower() if value is True else str(value) for name, value in said})


def spelled(request: dict[str, Any]) -> str:
    """A request as the arguments that mean it."""
    words: list[str] = []
    for name, value in request.items():
        flag = f"--{name.replace('_', '-')}"
        if name == "where":
            words += [word for one in value["in"] for word in (flag, value["column"], str(one))]
        elif name == "rename":
            words += [word for pair in value.items() for word in (flag, *pair)]
        elif name in ("backup_path", "timestamp"):
            words.append(value)
        elif value is True:
            words.append(flag)
        else:
            words += [word for one in (value if isinstance(value, list) else [value]) for word in (flag, _word(one))]
    return shlex.join(words)


def _word(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def _said(model: type[BaseModel], given: dict[str, Any]) -> dict[str, Any]:
    names = [field.alias or name for name, field in model.model_fields.items()]
    return {name: given[name] for name in names if given.get(name) not in (None, ())}


def _as_body(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


PAIRS = {"rename": ("TABLE NEW_NAME", _renamed), "where": ("COLUMN VALUE", _chosen_rows)}
"""Fields that are objects: how each of their parts is given, and what they are made of."""
