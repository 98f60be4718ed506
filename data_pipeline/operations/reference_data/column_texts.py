"""A value of a file as the text that a column's type reads, or that it is of another kind. Pure."""

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import Any

from data_pipeline.formats import types
from data_pipeline.operations.reference_data.entries import Number, Text
from data_pipeline.postgres.schema.tables import Column

JSON = ("json", "jsonb")
TEXTS = ("text", "varchar", "bpchar", "citext", "name")
BOOLEAN = "bool"


class WrongKind(Exception):
    """A value that can't be meant for the column: an object for a text, say. Nothing is guessed."""


def text_of(value: Any, column: Column) -> str | None:
    """None for NULL. Raises WrongKind. Whether a text is one of the type the server says."""
    if value is None:
        return None
    kind = column.type
    if isinstance(value, Text):
        return str(value)
    if kind in JSON:
        return json_of(value)
    if isinstance(value, bool):
        return _expected(str(value).lower(), kind == BOOLEAN)
    if isinstance(value, Number | int | float):
        return _expected(str(value), kind not in (*TEXTS, BOOLEAN))
    if isinstance(value, str):
        return _expected(value, kind != BOOLEAN)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, list) and column.element_oid is not None:
        return _array(value)
    return _expected(json_of(value), isinstance(value, list) and types.is_vector(column.type))


def json_of(value: Any) -> str:
    """Numerals as they were."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, datetime | date | time):
        return json.dumps(value.isoformat())
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_string(name)}: {json_of(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(json_of, value))}]"
    return json.dumps(value, ensure_ascii=False)


def copy_lines(rows: Iterable[Iterable[str | None]]) -> str:
    """Rows as COPY reads them in its text format, a line each."""
    return "".join("\t".join(map(_field, row)) + "\n" for row in rows)


def _expected(text: str, fits: bool) -> str:
    if not fits:
        raise WrongKind
    return text


def _array(values: list[Any]) -> str:
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return _array(value)
    if isinstance(value, Mapping):
        raise WrongKind
    text = str(value).lower() if isinstance(value, bool) else str(value)
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def _field(text: str | None) -> str:
    return "\\N" if text is None else text.translate(ESCAPES)
