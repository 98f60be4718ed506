"""The first line of a CSV file: its columns, and what the line says about the rest of the file."""

import re
from dataclasses import dataclass

from data_pipeline.formats.csv_reader import RowError

_BOM = b"\xef\xbb\xbf"
_NAME = re.compile(r'("?)([A-Za-z_][A-Za-z0-9_]*)\1')
_UNNAMED = re.compile(r'("?)(?:|Unnamed: [0-9]+)\1')
"""An index that pandas wrote; the longer name is what it calls the column after reading it back."""

_OTHER_FILES = (
    (b"\xff\xfe", "文件是 UTF-16 编码,请另存为 UTF-8 编码的 CSV"),
    (b"\xfe\xff", "文件是 UTF-16 编码,请另存为 UTF-8 编码的 CSV"),
    (b"\x1f\x8b", "文件是 gzip 压缩文件,请先解压"),
    (b"PK\x03\x04", "文件是 zip 压缩文件或电子表格,请另存为 UTF-8 编码的 CSV"),
)


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
        raise _bad("文件为空")
    for signature, reason in _OTHER_FILES:
        if start.startswith(signature):
            raise _bad(reason)
    end = start.find(b"\n")
    if end < 0:
        raise _bad("找不到表头行")
    try:
        text = start[:end].removeprefix(_BOM).removesuffix(b"\r").decode()
    except UnicodeDecodeError:
        raise _bad("文件不是有效的 UTF-8 编码") from None
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
        separated = len(written) == 1 and all(map(_NAME.fullmatch, re.split("[;\t]", written[0])))
        raise _bad("列之间不是逗号,请另存为以逗号分隔的 CSV" if separated else "第一行不是列名")
    if len(set(names)) != len(names):
        raise _bad("列名重复")
    return names


def _bad(reason: str) -> RowError:
    return RowError("invalid", 1, None, reason)
