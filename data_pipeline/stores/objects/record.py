"""One object of a set: where its bytes are, and what it was called and said of itself."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

HEADERS = {
    "content_type": "ContentType",
    "cache_control": "CacheControl",
    "content_disposition": "ContentDisposition",
    "content_encoding": "ContentEncoding",
    "content_language": "ContentLanguage",
}
"""What is kept of an object's headers, by S3's names for them."""

LONGEST_KEY = 1024
"""Bytes, as S3 has it."""

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, le=(1 << 63) - 1)]
Key = Annotated[str, Field(max_length=LONGEST_KEY)]


@dataclass(frozen=True)
class Said:
    """What an object says of itself, beside its bytes. headers: by our names."""

    headers: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """An object. key: below the prefix. file, start: where its bytes are. etag: of the object that was saved."""

    key: str
    size: int
    sha256: str
    file: str
    start: int
    etag: str
    modified: str
    said: Said


class _Line(BaseModel):
    """A line of an index, as it is read: from anywhere."""

    model_config = ConfigDict(extra="ignore", strict=True)

    key: Key
    size: Count
    sha256: Sha256
    file: str
    start: Count
    etag: str
    modified: str
    headers: dict[str, str]
    metadata: dict[str, str]
    tags: dict[str, str]


_LINE = TypeAdapter(_Line)


def line(record: Record) -> bytes:
    """Of the index, its end included."""
    known = asdict(record)
    said = known.pop("said")
    return json.dumps({**known, **said}, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def parsed(lines: Iterable[bytes]) -> Iterator[Record]:
    """The records of whole lines. Raises ValueError for what is none."""
    for text in lines:
        try:
            found: dict[str, Any] = _LINE.validate_json(text).model_dump()
            found["key"].encode()
        except (ValidationError, UnicodeEncodeError):
            raise ValueError("no line of an index") from None
        headers = {name: value for name, value in found.pop("headers").items() if name in HEADERS}
        said = Said(headers, found.pop("metadata"), found.pop("tags"))
        yield Record(**found, said=said)
