"""What the values of a CSV block say about the program that wrote them: PostgreSQL's COPY, or Python.

Only what the other one can't have written counts, value by value:

- COPY: `null`, `true`, `false`, a JSON string, JSON with a string that Python would put between apostrophes; `""` for
  an empty text, of which csv.writer leaves nothing.
- Python: `None`, `True`, `False`, a dict or list that is no JSON but a Python literal; a carriage return outside of
  quotes, which COPY always quotes.

`{}`, `[1, 2]`, numbers and NULL are written the same by both, and mean the same.
"""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import simdjson

from data_pipeline.formats import types
from data_pipeline.formats.csv_fields import Fields
from data_pipeline.formats.dialects import python_repr

Dialect = Literal["copy", "python"]

_SPACE = b" \t\r\n"
_string = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_word = re.compile(rb"null|true|false")

Text = bytes | None
Place = tuple[int, str]
Wrote = Callable[[bytes, simdjson.Parser], bool]


@dataclass(frozen=True)
class Sign:
    """The first value of a block that tells of its writer; line is 1-based from the start of the block."""

    line: int
    column: str


@dataclass(frozen=True)
class Evidence:
    """The first sign of each writer, and how many values mean something else depending on which one it was."""

    copy: Sign | None
    python: Sign | None
    ambiguous: int

    def of(self, dialect: Dialect) -> Sign | None:
        return self.copy if dialect == "copy" else self.python


class Contradicted(Exception):
    """A block holds what its assumed dialect can't have: nothing of it is encoded."""

    def __init__(self, evidence: Evidence) -> None:
        super().__init__(evidence)  # args, so that it can be pickled
        self.evidence = evidence


def other(dialect: Dialect) -> Dialect:
    return "python" if dialect == "copy" else "copy"


def copys(
    columns: Sequence[tuple[str, str]], raw: Sequence[Fields], values: Sequence[Sequence[Text]], *, quotes_tell: bool
) -> Place | None:
    """Index and column of the first value that only COPY can have written; columns: name and type of each.

    raw: the fields as they stand in the file, values: without their quotes. quotes_tell: not everything is in quotes.
    """
    found: list[Place] = []
    for (name, type_), fields, texts in zip(columns, raw, values, strict=True):
        if quotes_tell and b'""' in fields and types.may_be_empty(type_):  # for a uuid, say, neither writes it
            found.append((fields.index(b'""'), name))
        if types.is_json(type_):
            found += _first(name, texts, _may_be_copys, is_copys)
    return min(found, default=None)


def pythons(
    columns: Sequence[tuple[str, str]], raw: Sequence[Fields], values: Sequence[Sequence[Text]], *, returns: bool
) -> Place | None:
    """The same for what only Python can have written. returns: there are carriage returns that end no line."""
    found: list[Place] = []
    for (name, type_), fields, texts in zip(columns, raw, values, strict=True):
        if returns:
            found += [(index, name) for index, field in enumerate(fields) if b"\r" in field and field[:1] != b'"'][:1]
        if types.is_json(type_):
            found += _first(name, texts, _may_be_pythons, is_pythons)
    return min(found, default=None)


def is_copys(text: bytes, parser: simdjson.Parser) -> bool:
    """Whether Python, from the value that this JSON stands for, would have written something else."""
    text = text.strip(_SPACE)
    if text in (b"null", b"true", b"false"):
        return True
    if text[:1] not in (b"{", b"[", b'"') or not python_repr.is_json(text, parser):
        return False
    # Python puts a string into quotes only if it has an apostrophe in it and no quote.
    if text[:1] == b'"' or any(b"'" not in string or b'\\"' in string for string in _string.findall(text)):
        return True
    return _word.search(_string.sub(b"", text)) is not None


def is_pythons(text: bytes, parser: simdjson.Parser) -> bool:
    """Whether this is no JSON, but what Python prints for a truth value, a dict or a list."""
    if text in (b"None", b"True", b"False"):
        return True
    if text[:1] not in (b"{", b"[") or python_repr.is_json(text, parser):
        return False
    try:
        return isinstance(ast.literal_eval(text.decode()), dict | list)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False


def _first(column: str, texts: Sequence[Text], suspect: Callable[[bytes], bool], wrote: Wrote) -> Iterator[Place]:
    parser = simdjson.Parser()
    for index, text in enumerate(texts):
        if text and suspect(text) and wrote(text, parser):
            yield index, column
            return


def _may_be_copys(text: bytes) -> bool:
    """Four looks for bytes, which rule out what Python usually writes."""
    return b'"' in text or b"null" in text or b"true" in text or b"false" in text


def _may_be_pythons(text: bytes) -> bool:
    """The same; most JSON with an apostrophe has it within a word, where Python puts none of its own."""
    opened = b"'" in text and (b"{'" in text or b"['" in text or b": '" in text or b", '" in text)
    return opened or b"None" in text or b"True" in text or b"False" in text
