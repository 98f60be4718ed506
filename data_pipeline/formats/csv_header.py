"""The first line of a CSV file: its columns, and what the line says about the rest of the file."""

import re
from dataclasses import dataclass

from common.messages import say
from data_pipeline.formats.csv_reader import RowError

_BOM = b"\xef\xbb\xbf"
_NAME = re.compile(r'("?)([A-Za-z_][A-Za-z0-9_]*)\1')
_UNNAMED = re.compile(r'("?)(?:|Unnamed: [0-9]+)\1')
"""An index that pandas wrote; the longer name is what it calls the column after reading it back."""

_OTHER_FILES = (
    (b"\xff\xfe", say("file_is_utf16")),
    (b"\xfe\xff", say("file_is_utf16")),
    (b"\x1f\x8b", say("file_is_gzip")),
    (b"PK\x03\x04", say("file_is_zip")),
    (b"\xd0\xcf\x11\xe0", say("file_is_zip")),
    (b"\x28\xb5\x2f\xfd", say("file_is_compressed", method="zstd")),
    (b"BZh", say("file_is_compressed", method="bzip2")),
    (b"\xfd7zXZ", say("file_is_compressed", method="xz")),
    (b"PGDMP", say("file_is_a_dump")),
    (b"--\n-- PostgreSQL database", say("file_is_a_dump")),
    (b"<", say("file_is_html")),
    (b"{", say("file_is_json")),
    (b"[", say("file_is_json")),
)
"""What else people take for a CSV, by its first bytes; no line of column names begins so."""


@dataclass(frozen=True)
class Header:
    """A file's first line: column names, its size in bytes with BOM and line end, and that line end.

    unnamed: how many columns without a name stand before them, an index that is no part of the rows. quoted: every
    name is in quotes, which COPY puts around none of these.
    """

    columns: tuple[str, ...]
    size: int
    newline: bytes
    unnamed: int = 0
    quoted: bool = False


def parse_header(start: bytes) -> Header:
    """Read the header line from a file's first bytes; a BOM is skipped. Raises RowError if there is no such line."""
    if not start:
        raise _bad(say("file_empty"))
    for signature, reason in _OTHER_FILES:
        if start.removeprefix(_BOM).lstrip(b" \t\r\n").startswith(signature) or start.startswith(signature):
            raise _bad(reason)
    if start[:8:2] == bytes(4) or start[1:8:2] == bytes(4):  # ASCII in two bytes each, without a mark in front
        raise _bad(say("file_is_utf16"))
    end = start.find(b"\n")
    if end < 0:
        raise _bad(say("header_missing"))
    try:
        text = start[:end].removeprefix(_BOM).removesuffix(b"\r").decode()
    except UnicodeDecodeError:
        raise _bad(say("file_not_utf8")) from None
    written = text.split(",")
    unnamed = next((place for place, name in enumerate(written) if not _UNNAMED.fullmatch(name)), 0)
    names = _names(written[unnamed:])
    quoted = all(name.startswith('"') for name in written[unnamed:])
    return Header(names, end + 1, line_end(start), unnamed, quoted)


def line_end(start: bytes) -> bytes:
    """How the first line of a file ends, and with it every record."""
    return b"\r\n" if start[: start.find(b"\n")].endswith(b"\r") else b"\n"


def _names(written: list[str]) -> tuple[str, ...]:
    found = [_NAME.fullmatch(name) for name in written]
    names = tuple(match[2] for match in found if match)
    if len(names) != len(found):
        raise _bad(_separated(written) or say("header_not_names"))
    if len(set(names)) != len(names):
        raise _bad(say("header_repeats_names"))
    return names


def _separated(written: list[str]) -> str | None:
    """What stands between the names of a line, if that is no comma."""
    for separator, reason in ((";", say("header_with_semicolons")), ("\t", say("header_with_tabs"))):
        names = written[0].split(separator)
        if len(written) == 1 and len(names) > 1 and all(map(_NAME.fullmatch, names)):
            return reason
    return None


def _bad(reason: str) -> RowError:
    return RowError("invalid", 1, None, reason)
