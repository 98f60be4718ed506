"""The form of an import of reference data: a file, and fields of which some are JSON."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from flask import Request

from common.errors import InvalidParams, MissingParams, PayloadTooLarge
from common.messages import say
from data_pipeline.operations.reference_data.fetch import LARGEST
from data_pipeline.operations.requests.reference_data import ImportOptions

FILE = "file"
TARGET = "target"
ROOM = 1 << 20
"""Bytes of the form beside its file."""


def read(request: Request) -> tuple[bytes, ImportOptions, str | None]:
    """The file, what is done with it, and the name of the database. Raises ServiceError."""
    request.max_content_length = LARGEST + ROOM
    if request.mimetype != "multipart/form-data":
        raise InvalidParams(say("body_not_multipart"))
    try:
        return _read(request)
    finally:
        for _, file in request.files.items(multi=True):
            file.close()


def _read(request: Request) -> tuple[bytes, ImportOptions, str | None]:
    files = request.files.getlist(FILE)
    if wrong := next((name for name in request.files if name != FILE), None):
        raise InvalidParams(say("form_field_unknown", field=wrong[:64]), details={"field": wrong[:64]})
    if not files:
        raise MissingParams([FILE])
    if len(files) > 1:
        raise InvalidParams(say("form_field_twice", field=FILE), details={"field": FILE})
    data = files[0].read(LARGEST + 1)
    if len(data) > LARGEST:
        raise PayloadTooLarge(say("reference_too_large", most=LARGEST >> 20))
    values = {name: _value(name, given) for name, given in request.form.lists()}
    target = values.pop(TARGET, None)
    return data, ImportOptions.read(values), target


def _value(name: str, given: list[str]) -> Any:
    """A field of a form is a text; an empty one is none. `key` may be there several times, a column each."""
    if name == "key":
        return [one for one in given if one] or None
    if len(given) > 1:
        raise InvalidParams(say("form_field_twice", field=name[:64]), details={"field": name[:64]})
    if not given[0]:
        return None
    return READERS.get(name, lambda _name, text: text)(name, given[0])


def _boolean(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise InvalidParams(say("form_field_not_boolean", field=name), details={"field": name})
    return text.lower() == "true"


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidParams(say("form_field_not_json", field=name), details={"field": name}) from None


READERS: Mapping[str, Callable[[str, str], Any]] = {"dry_run": _boolean, "keep": _json, "overwrite": _json}
