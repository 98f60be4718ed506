"""The entries of a file of reference data, whichever of four formats it has: JSON, TOML, JSON lines or CSV, tried in
this order. Pure: what the values mean is the table's business.

JSON and TOML hold an array of objects, or an object of objects by their key, either of which may be one value of an
object whose others are about the file.
"""

import csv
import io
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from common.errors import InvalidParams
from common.messages import Message, say

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FileFormat = Literal["json", "toml", "jsonl", "csv"]
TOML_HEADER = re.compile(r"""\[\[?[\w.\-"' ]+\]\]?""")
LARGEST_FIELD = 1 << 20
"""Characters of a value of a CSV file."""


class Number(str):
    """A numeral as the file has it: no digit of it is lost."""


class Text(str):
    """A value of a file that knows no types."""


@dataclass(frozen=True)
class Entry:
    """What becomes a row. place: where it stands in the file, for people."""

    place: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Entries:
    """All of a file, in its order."""

    format: FileFormat
    each: list[Entry]

    @property
    def columns(self) -> list[str]:
        """Those that any of them has."""
        return list(dict.fromkeys(name for entry in self.each for name in entry.values))


def shown(name: str) -> str:
    """A name of the file, for an answer: cut short, and without halves of surrogate pairs."""
    return name[:64].encode(errors="replace").decode()


class _Other(Exception):
    """The file is not of this format."""

    def __init__(self, why: Message) -> None:
        super().__init__(why)
        self.why = why


def read(data: bytes, key: Sequence[str]) -> Entries:
    """key: the columns that tell entries apart. Raises InvalidParams for a file of no format, or without entries."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused(say("reference_not_utf8")) from None
    failures: dict[str, Message] = {}
    for name, parse in PARSERS.items():
        try:
            found = parse(text, key)
        except _Other as other:
            failures[name] = other.why
            continue
        if not found:
            raise _refused(say("reference_no_entries"))
        return Entries(name, found)
    raise _refused(failures[_looks_like(text)])


def _refused(why: Message) -> InvalidParams:
    return InvalidParams(why, details={"field": "file"})


def _looks_like(text: str) -> FileFormat:
    """What the file was meant to be, where it is broken: its failure is told."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if first.startswith("{") and first.endswith("}") and text.count("\n") > 1:
        return "jsonl"
    if TOML_HEADER.fullmatch(first) or first.startswith("#"):
        return "toml"
    if first.startswith(("{", "[")):
        return "json"
    return "toml" if "=" in first and "<" not in first else "csv"


def _json(text: str, key: Sequence[str]) -> list[Entry]:
    return _of_document(_loaded(text), key)


def _loaded(text: str) -> Any:
    try:
        return json.loads(
            text, parse_float=Number, parse_int=Number, parse_constant=_no_constant, object_pairs_hook=_no_duplicates
        )
    except json.JSONDecodeError as error:
        raise _Other(say("reference_json_broken", line=error.lineno, column=error.colno)) from None
    except (ValueError, RecursionError):
        raise _Other(say("reference_json_broken", line=1, column=1)) from None


def _no_constant(_name: str) -> Any:
    raise ValueError("no JSON")  # NaN, Infinity


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Other(say("reference_name_twice", name=shown(name)))
        found[name] = value
    return found


def _toml(text: str, key: Sequence[str]) -> list[Entry]:
    try:
        found = tomllib.loads(text, parse_float=lambda numeral: Number(numeral.replace("_", "")))
    except (ValueError, RecursionError) as error:  # its texts are English: only the line is ours to repeat
        line = str(error).partition("(at line ")[2].partition(",")[0]
        raise _Other(say("reference_toml_broken", line=line or "?")) from None
    return _of_document(found, key)


def _json_lines(text: str, _key: Sequence[str]) -> list[Entry]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                value = _loaded(line)
            except _Other:
                raise _Other(say("reference_json_broken", line=number, column=1)) from None
            found.append(_row(value, say("reference_line", line=number)))
    return found


def _csv(text: str, key: Sequence[str]) -> list[Entry]:
    csv.field_size_limit(max(csv.field_size_limit(), LARGEST_FIELD))
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        if not header or not set(key) <= set(header) or len(set(header)) < len(header):
            raise _Other(say("reference_no_header", key=", ".join(key)))
        found = []
        for values in reader:
            if not values:
                continue
            if len(values) != len(header):
                raise _Other(say("reference_line_broken", line=reader.line_num))
            row = {name: Text(value) if value else None for name, value in zip(header, values, strict=True)}
            found.append(Entry(say("reference_line", line=reader.line_num), row))
    except csv.Error:
        raise _Other(say("reference_line_broken", line=reader.line_num)) from None
    return found


PARSERS: Mapping[FileFormat, Callable[[str, Sequence[str]], list[Entry]]] = {
    "json": _json,
    "toml": _toml,
    "jsonl": _json_lines,
    "csv": _csv,
}


def _of_document(found: Any, key: Sequence[str]) -> list[Entry]:
    if isinstance(found, list):
        return [_row(one, say("reference_entry", number=number)) for number, one in enumerate(found, 1)]
    if not isinstance(found, dict):
        raise _Other(say("reference_no_entries"))
    if set(key) <= set(found):  # one entry alone
        return [_row(found, say("reference_entry", number=1))]
    holding = [value for value in found.values() if _holds_entries(value)]
    if len(holding) == 1:
        return _of_document(holding[0], key) if isinstance(holding[0], list) else _by_key(holding[0], key)
    if found and all(isinstance(value, dict) for value in found.values()):
        return _by_key(found, key)
    raise _Other(say("reference_no_entries"))


def _holds_entries(value: Any) -> bool:
    each = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return bool(each) and all(isinstance(one, dict) for one in each)


def _by_key(found: Mapping[str, Mapping[str, Any]], key: Sequence[str]) -> list[Entry]:
    """Each is called by its key, which it may also hold."""
    entries = []
    for name, values in found.items():
        row = dict(values)
        if len(key) == 1 and row.setdefault(key[0], name) != name:
            raise _refused(say("reference_key_differs", entry=shown(name), column=key[0]))
        entries.append(Entry(json.dumps(shown(name), ensure_ascii=False), row))
    return entries


def _row(value: Any, place: str) -> Entry:
    if not isinstance(value, dict):
        raise _Other(say("reference_no_object", entry=place))
    return Entry(place, value)
