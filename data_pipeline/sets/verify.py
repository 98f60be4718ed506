"""Is a set what it promises to be: read to its last byte, wherever it lies."""

import hashlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from common.errors import InvalidBackup
from common.messages import say
from data_pipeline.formats.worker_pool import WorkerPool
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.writing.copy_in import Reading
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.catalog import Catalog
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.sets.manifest import FileFacts
from data_pipeline.sets.tables.dialect import SetDialect, rereading
from data_pipeline.sets.tables.table_source import BLOCK_BYTES, unmatched
from data_pipeline.storage.file import StoredFile
from data_pipeline.storage.location import Location


@dataclass(frozen=True)
class ReadFile:
    """A file that was read to its end: its name, rows and bytes."""

    name: str
    rows: int
    size: int


def read_through(backup_set: BackupSet, pool: WorkerPool, progress: Progress = SILENT) -> dict[str, ReadFile]:
    """Parse every row of a set as a restore would, without a database; its files by table.

    Raises InvalidBackup with file and line at the first that is wrong; Cancelled once `progress` says so.
    """
    progress.expect_bytes(sum(file.size for file in backup_set.files.values()))
    dialect = SetDialect()
    return rereading(
        lambda: {name: _read(backup_set, name, dialect, pool, progress) for name in backup_set.files}, progress
    )


def _read(backup_set: BackupSet, name: str, dialect: SetDialect, pool: WorkerPool, progress: Progress) -> ReadFile:
    progress.enter("verify", name)
    source = unmatched(backup_set, name, dialect)
    reading = Reading(source, None, pool, progress)
    deque(reading, maxlen=0)
    return ReadFile(source.file.name, reading.rows, source.file.size)


def read_blocks(held: HeldSet, progress: Progress = SILENT) -> dict[str, ReadFile]:
    """Read every block of another store's set; its files by key.

    Raises InvalidBackup at the first that is wrong; Cancelled once `progress` says so.
    """
    progress.expect_bytes(sum(file.size for file in held.files.values()))
    for key, fact in held.manifest.files.items():
        progress.enter("verify", key)
        for data, block in zip(held.blocks(key), fact.blocks, strict=True):
            progress.advance(len(data), block.rows)
    return {key: ReadFile(fact.file, fact.rows, fact.bytes) for key, fact in held.manifest.files.items()}


def expect_promised(file: StoredFile, fact: FileFacts) -> None:
    """Read a file back and raise InvalidBackup unless every block hashes to what the manifest says."""
    with file.open() as stream:
        whole = file.size == fact.bytes and all(
            hashlib.sha256(stream.read(block.bytes)).hexdigest() == block.sha256 for block in fact.blocks
        )
    if not whole:
        raise _differs(file)


def expect_stored(catalog: Catalog, location: Location, timestamp: str) -> None:
    """Read a set back from where it is stored. Raises InvalidBackup unless it is what its manifest promises."""
    found = catalog.find_any(location, timestamp)
    if found.manifest is None:
        raise InvalidBackup(
            say("set_without_manifest", path=location.relative_path), details={"reason": say("manifest_missing")}
        )
    for key, file in found.files.items():
        expect_promised(file, found.manifest.file_facts[key])


def expect_digest(file: StoredFile, digest: str) -> None:
    """Read a file back and raise InvalidBackup unless its SHA-256 is this."""
    found = hashlib.sha256()
    with file.open() as stream:
        for chunk in chunks(stream):
            found.update(chunk)
    if found.hexdigest() != digest:
        raise _differs(file)


def chunks(stream: Any) -> Iterator[bytes]:
    """What is left of a stream, a block at a time."""
    return iter(lambda: stream.read(BLOCK_BYTES), b"")


def _differs(file: StoredFile) -> InvalidBackup:
    reason = say("stored_content_differs")
    return InvalidBackup(
        say("about", reason=reason, subject=file.path), can_retry=True, details={"file": file.name, "reason": reason}
    )
