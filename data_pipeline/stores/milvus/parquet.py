"""Rows as Parquet: a file a partition, a row group a page, each row group one block with a hash of its own.

Any reader of Parquet reads them: vectors are lists of floats, JSON is text. Blocks end where row groups do; the file's
frame goes with the first and is the last.
"""

from collections.abc import Callable, Iterator
from typing import Any

from common.errors import InvalidBackup
from common.messages import say
from data_pipeline.stores.milvus.protocol import arrow, parquet
from data_pipeline.stores.milvus.table import RowShape

SUFFIX = "parquet"
COMPRESSION = "zstd"
LEVEL = 1
"""Floats hardly compress: a higher level costs time and saves a hundredth."""

LARGEST_GROUP = 256 << 20
"""Bytes that a row group of a foreign file may unpack to."""


class _Sink:
    """What pyarrow writes into: keeps the bytes of the block that is being made."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._position += len(part)
        return len(part)

    def take(self) -> bytes:
        found, self._parts = b"".join(self._parts), []
        return found

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Blocks are taken when they are whole."""

    def close(self) -> None:
        self.closed = True


class ParquetWriter:
    """A file. write: takes each block, its rows and what it unpacks to."""

    def __init__(self, shape: RowShape, write: Callable[[bytes, int, int], None]) -> None:
        self._write = write
        self._sink = _Sink()
        self._file = parquet().ParquetWriter(
            self._sink,
            shape.arrow,
            compression=COMPRESSION,
            compression_level=LEVEL,
            use_dictionary=False,
            write_statistics=False,
        )

    def add(self, batch: Any) -> None:
        """One row group."""
        self._file.write_batch(batch, row_group_size=max(1, len(batch)))
        self._write(self._sink.take(), len(batch), batch.nbytes)

    def close(self) -> None:
        """The end of the file. Nothing of it may be read before."""
        self._file.close()
        block = self._sink.take()
        self._write(block, 0, len(block))


def batches(shape: RowShape, stream: Any, name: str) -> Iterator[Any]:
    """The rows of a file, a row group at a time. name: for what is said of a damaged one. Raises InvalidBackup."""
    pa = arrow()
    try:
        with parquet().ParquetFile(stream, pre_buffer=False) as file:
            _expect_fitting(shape, file, name)
            for group in range(file.num_row_groups):
                found = file.read_row_group(group, use_threads=False)
                yield from found.combine_chunks().to_batches()
                del found
    except (pa.ArrowException, OSError, ValueError):
        raise damaged(name, say("parquet_unreadable")) from None


def damaged(name: str, reason: str) -> InvalidBackup:
    """A file that can't be read as what the manifest says it is."""
    text = say("about", subject=name, reason=reason)
    return InvalidBackup(text, can_retry=False, details={"file": name, "reason": reason})


def _expect_fitting(shape: RowShape, file: Any, name: str) -> None:
    if [(one.name, one.type) for one in file.schema_arrow] != [(one.name, one.type) for one in shape.arrow]:
        raise damaged(name, say("parquet_columns_differ"))
    metadata = file.metadata
    if any(metadata.row_group(group).total_byte_size > LARGEST_GROUP for group in range(file.num_row_groups)):
        raise damaged(name, say("parquet_group_too_large", megabytes=LARGEST_GROUP >> 20))
