"""Rows to fill the tables with, seeded: random bit patterns of floats, and text and JSON that some format gets wrong.

They are written by binary COPY, made here and not by the service's own encoder, so that the two can't share a fault.
"""

import io
import random
import struct
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from psycopg2.extensions import cursor as Cursor

from torture.postgres import Database

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"
CHUNK_ROWS = 5000

DOCUMENTS: tuple[str | None, ...] = (
    None,
    "",
    " ",
    "\\.",
    "\\N",
    "NULL",
    '"',
    '""',
    '"quoted", with a comma\r\nand\nline\rends\t',
    "\ufeffa mark at the start",
    "一段普通的文本\u3000",
    "😀 \u2028 \u2029 \u0085 \u00a0",
    "a\\b\\\\c\\x41\\n",
    "=1+1",
    "".join(map(chr, range(1, 32))) + "\x7f",
    "e\u0301 é",
    "line\n\\.\nends",
    "{1,2}",
    "long " * 2000,
)
JSONB: tuple[str | None, ...] = (
    None,
    "{}",
    "[]",
    "null",
    "true",
    '"text"',
    "-0.0",
    "1.10",
    "1e400",
    "12345678901234567890.12345678901234567890",
    '{"": "", "b": 1, "a": [1.0, 2, {"深": null}]}',
    '{"q": "it\'s \\"quoted\\", \\\\ and \\u2028\\ud83d\\ude00\\u0001"}',
    "[" * 60 + "]" * 60,
    '{"n": 1, "ok": true, "x": null}',
    '"True"',
    '"None, [1]"',
)
JSON: tuple[str | None, ...] = (
    None,
    '{"b": 1, "a" : [1.0,  2], "a": 3}',
    ' {"space" :\t1 }\n',
    '"\\u0000"',
    "1.0e+05",
    '{"quote": "\\"", "line": "\\r\\n"}',
)
NAMES = ("docs", 'a "name", with\na line end', "空集合", " spaces ", "\\.", "NULL", "'; DROP TABLE x; --")
IDS = ("", " ", '"', ",", "\n", "\\.", "行", "'")
# The ends of what a float4 can be, and neighbours that a parse by way of double rounds wrongly.
EXTREME = np.array(
    (
        *(0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x3F800001),
        *(0x7F7FFFFE, 0x00400000, 0x34000000, 0x4B800000, 0x3DCCCCCD, 0x5F000000, 0x1F800000),
    ),
    dtype=np.uint32,
)


@dataclass(frozen=True)
class Batch:
    """Rows to write: `tag` stands in every id and collection name, so that two batches share none."""

    tag: str
    rows: int
    dimensions: int
    collections: int = 3
    calm: bool = False
    """Only values that an HNSW index can measure distances between, and nothing odd."""
    text_bytes: int = 0
    """How long a document is, unless it is an odd one; 0 is a few words."""


def fill(database: Database, batch: Batch, seed: str) -> None:
    """Add a batch to the tables of a Database, the same rows for the same seed."""
    chance = random.Random(f"{seed}/{batch.tag}")
    uuids = [uuid.UUID(int=chance.getrandbits(128)).bytes for _ in range(batch.collections)]
    collections = b"".join(_collection(chance, batch, number, key) for number, key in enumerate(uuids))
    cursor = database.connect().cursor()
    with cursor.connection:
        _copy(cursor, "langchain_pg_collection", iter([collections]))
        _copy(cursor, "langchain_pg_embedding", _embeddings(chance, batch, uuids))
    cursor.connection.close()


def _copy(cursor: Cursor, table: str, tuples: Iterator[bytes]) -> None:
    for chunk in tuples:
        cursor.copy_expert(f"COPY {table} FROM STDIN WITH (FORMAT binary)", io.BytesIO(HEADER + chunk + TRAILER))


def _collection(chance: random.Random, batch: Batch, number: int, key: bytes) -> bytes:
    name = f"{NAMES[number % len(NAMES)]} {batch.tag} {number}"
    return _tuple(key, name.encode(), _text(JSON[number % len(JSON)] if number else chance.choice(JSON)))


def _embeddings(chance: random.Random, batch: Batch, uuids: Sequence[bytes]) -> Iterator[bytes]:
    floats = np.random.default_rng(chance.getrandbits(64))
    for first in range(0, batch.rows, CHUNK_ROWS):
        count = min(CHUNK_ROWS, batch.rows - first)
        vectors = _vectors(floats, count, batch)
        yield b"".join(_embedding(chance, batch, first + n, vectors[n], chance.choice(uuids)) for n in range(count))


def _embedding(chance: random.Random, batch: Batch, number: int, vector: bytes, collection: bytes) -> bytes:
    odd = chance.random() < 0.05 and not batch.calm
    identity = f"{chance.choice(IDS) if odd else ''}{batch.tag} {number}"
    document = chance.choice(DOCUMENTS) if odd else f"text {chance.randbytes(4 + batch.text_bytes // 2).hex()}"
    metadata = chance.choice(JSONB) if odd else "{}"
    jsonb = b"\x01" + metadata.encode() if metadata else None
    return _tuple(identity.encode(), collection, vector, _text(document), jsonb)


def _vectors(floats: np.random.Generator, count: int, batch: Batch) -> list[bytes]:
    """Values for vector_recv: every float that is neither NaN nor infinite is as likely as any other."""
    shape = (count, batch.dimensions)
    bits = floats.standard_normal(shape, np.float32).view(np.uint32) if batch.calm else _any_finite(floats, shape)
    prefix = struct.pack(">hh", batch.dimensions, 0)
    data = bits.astype(">u4").tobytes()
    size = 4 * batch.dimensions
    return [prefix + data[start : start + size] for start in range(0, len(data), size)]


def _any_finite(floats: np.random.Generator, shape: tuple[int, int]) -> npt.NDArray[np.uint32]:
    bits = floats.integers(0, 1 << 32, shape, np.uint32)
    special = floats.random(shape) < 0.02
    bits[special] = floats.choice(EXTREME, int(special.sum()))
    infinite = (bits & 0x7F800000) == 0x7F800000
    bits[infinite] &= np.uint32(0xFF7FFFFF)
    return bits


def _text(value: str | None) -> bytes | None:
    return None if value is None else value.encode()


def _tuple(*fields: bytes | None) -> bytes:
    parts = [struct.pack(">h", len(fields))]
    for field in fields:
        parts.append(NULL if field is None else struct.pack(">i", len(field)) + field)
    return b"".join(parts)
