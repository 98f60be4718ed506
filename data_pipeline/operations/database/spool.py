"""An archive that was uploaded: one file, indexed and hashed while it is written."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import BinaryIO

from common.errors import PayloadTooLarge
from common.messages import say
from common.sizes import format_size
from data_pipeline.storage.local import file_faults
from data_pipeline.stores.pg_database.child import CHUNK
from data_pipeline.stores.pg_database.contents import Contents
from data_pipeline.stores.pg_database.index import Index, Indexed, Span
from data_pipeline.stores.pg_database.temp_files import temp_file

SHOWN = "database_import.dump"
"""What failures call it."""


class Spool:
    """Is written, completed, and then read. Every method raises ServiceError."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file = file
        self._most = most
        self._size = 0
        self._digest = hashlib.sha256()
        self._index = Index()
        self.sha256 = ""
        self._indexed: Indexed

    def write(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._most:
            raise PayloadTooLarge(say("archive_too_large", most=format_size(self._most)))
        self._digest.update(data)
        self._index.feed(data)
        with file_faults.named(SHOWN):
            self._file.write(data)

    def complete(self) -> None:
        """Raises InvalidBackup unless it is an archive, whole."""
        with file_faults.named(SHOWN):
            self._file.flush()
        self._indexed = self._index.complete()
        self.sha256 = self._digest.hexdigest()

    @property
    def contents(self) -> Contents:
        return self._indexed.contents

    def everything(self) -> list[Span]:
        """In the order of the file, without what stands behind the last block."""
        blocks = self._indexed.blocks
        return self.chosen(sorted(blocks, key=lambda number: blocks[number].start))

    def chosen(self, order: Sequence[int]) -> list[Span]:
        return self._indexed.spans(order)

    def read(self, span: Span) -> Iterator[bytes]:
        self._file.seek(span.start)
        left = span.size
        while left and (chunk := self._file.read(min(left, CHUNK))):
            left -= len(chunk)
            yield chunk


@contextmanager
def spooled(most: int) -> Iterator[Spool]:
    """A new one of at most so many bytes, gone at the end."""
    with ExitStack() as stack:
        with file_faults.named(SHOWN):
            _, file = stack.enter_context(temp_file("import"))
        yield Spool(file, most)
