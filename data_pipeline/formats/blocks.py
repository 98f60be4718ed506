"""One block of a backup file: read it, check it, turn it into rows for COPY.

Runs in worker processes as well as inline. The process that parses a block hashes the very bytes it parses.
"""

import hashlib
import pickle
from dataclasses import dataclass, replace
from functools import lru_cache

from common.messages import say
from data_pipeline.encryption.set_key import BlockSeal, Unsealable
from data_pipeline.formats import compression, record_digest, registry
from data_pipeline.formats.byte_range import Readable
from data_pipeline.formats.compression import BadFrame
from data_pipeline.formats.csv_fields import LARGE_BYTES
from data_pipeline.formats.csv_reader import Layout, RowError
from data_pipeline.formats.format import Encoded, FormatName


@dataclass(frozen=True)
class Block:
    """Whole records of a file: a range in bytes. `rows` and `sha256` are what a manifest promises, else None.

    `head` bytes at the start and `tail` bytes at the end belong to the file's frame, not to records: a CSV header
    line, or the header and trailer of binary COPY. raw_bytes: what a compressed block decompresses to, None of one that
    isn't; `head` and `tail` are of that. seal: of an encrypted block, what opens it.
    """

    offset: int
    length: int
    head: int = 0
    tail: int = 0
    rows: int | None = None
    sha256: str | None = None
    raw_bytes: int | None = None
    seal: BlockSeal | None = None

    @property
    def size(self) -> int:
        """Bytes of what is parsed."""
        return self.length if self.raw_bytes is None else self.raw_bytes


@dataclass(frozen=True)
class Job:
    """A block and all that is needed to encode it anywhere. `layout` is pickled once for all jobs of a load.

    record: by column the oid of its type in the live table; then the payload is the rows' digests, with what the block
    hashes to. kept: of the rows that would be in the payload, the places of those that shall be.
    """

    file: Readable
    block: Block
    layout: bytes
    source: FormatName
    binary: bool
    record: tuple[int, ...] | None = None
    kept: tuple[int, ...] | None = None


def run(job: Job) -> Encoded:
    """The block's rows as binary COPY tuples (job.binary) or CSV records.

    Raises RowError, its line counted from the first record of the block; InvalidBackup if the file changed.
    """
    stored = _stored(job.file, job.block)
    data, layout = _records(stored, job.block), _layout(job.layout)
    if job.kept is not None:
        encoded = registry.of(job.source).pick(data, layout, job.kept)
    elif job.record is not None:
        encoded = registry.of(job.source).outline(data, layout)
    else:
        encoded = registry.of(job.source).encode(data, layout, job.binary)
    if job.block.rows is not None and encoded.rows != job.block.rows:
        raise RowError("invalid", 1, None, say("block_rows_differ"))
    if job.record is None or encoded.declined:
        return encoded
    sha256 = job.block.sha256 or hashlib.sha256(stored).hexdigest()
    return replace(encoded, payload=(_digests(encoded, job.record),), sha256=sha256)


def _digests(encoded: Encoded, record: tuple[int, ...]) -> bytes:
    """Those of the rows in a payload. Of a large block, which would have to be copied, they are left open."""
    if sum(map(len, encoded.payload)) > LARGE_BYTES:
        return record_digest.UNKNOWN * (encoded.rows - encoded.dropped)
    return record_digest.of_tuples(b"".join(encoded.payload), record)


def read(file: Readable, block: Block) -> bytes:
    """The records of a block, checked against the manifest's promise before they are decompressed and parsed."""
    return _records(_stored(file, block), block)


def _stored(file: Readable, block: Block) -> bytes:
    data = file.read(block.offset, block.length)
    if len(data) != block.length:
        raise RowError("invalid", 1, None, say("file_cut_short"))
    if block.sha256 is not None and hashlib.sha256(data).hexdigest() != block.sha256:
        raise RowError("invalid", 1, None, say("block_checksum_differs"))
    return data


def _records(stored: bytes, block: Block) -> bytes:
    data = stored if block.seal is None else _unsealed(stored, block.seal)
    if block.raw_bytes is not None:
        data = _decompressed(data, block.raw_bytes)
    return data[block.head : len(data) - block.tail]


def _unsealed(data: bytes, seal: BlockSeal) -> bytes:
    try:
        return seal.unseal(data)
    except Unsealable:
        raise RowError("invalid", 1, None, say("block_seal_broken")) from None


def _decompressed(data: bytes, raw_bytes: int) -> bytes:
    try:
        return compression.decompress(data, raw_bytes)
    except BadFrame as error:
        raise RowError("invalid", 1, None, str(error)) from None


@lru_cache(maxsize=4)
def _layout(pickled: bytes) -> Layout:
    layout: Layout = pickle.loads(pickled)  # noqa: S301 - made by the loader of this service
    return layout
