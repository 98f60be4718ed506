"""How a table's file begins: its first bytes, decompressed, as a header; and the blocks that a manifest promises."""

from collections.abc import Iterator

from common.errors import InvalidBackup
from common.messages import say
from data_pipeline.encryption.set_key import SetKey
from data_pipeline.formats import blocks, registry
from data_pipeline.formats.blocks import Block
from data_pipeline.formats.csv_header import Header
from data_pipeline.formats.csv_reader import RowError
from data_pipeline.sets.catalog import BackupSet
from data_pipeline.sets.tables.table_facts import TableFact
from data_pipeline.storage.file import StoredFile

LARGEST_HEADER = 1 << 16


def read(backup_set: BackupSet, name: str, fact: TableFact | None) -> Header:
    """The header of a table's file; fact: what vouches for it. Raises InvalidBackup."""
    file, promised = backup_set.files[name], [column.name for column in fact.columns] if fact else None
    try:
        return registry.of(backup_set.format).read_header(_start(backup_set, file, fact), promised)
    except RowError as error:
        raise refused(file, error.reason) from None


def _start(backup_set: BackupSet, file: StoredFile, fact: TableFact | None) -> bytes:
    """The first bytes of a file; of a compressed one those of its first block. Raises RowError."""
    if not backup_set.kind.packed:
        return file.read(0, LARGEST_HEADER)
    if fact is None:
        reason = say("encrypted_needs_manifest") if backup_set.kind.sealed else say("compressed_needs_manifest")
        raise RowError("invalid", 1, None, reason)
    first = next(promised_blocks(fact, backup_set.key), None)
    return blocks.read(file, first)[:LARGEST_HEADER] if first else b""


def promised_blocks(fact: TableFact, key: SetKey | None) -> Iterator[Block]:
    """Each with what belongs to the file's frame. key: of the set, if it is encrypted."""
    for number, one in enumerate(fact.blocks):
        seal = key.block(fact.file, number) if key else None
        yield Block(one.offset, one.bytes, rows=one.rows, sha256=one.sha256, raw_bytes=one.raw_bytes, seal=seal)


def expect_its_own(backup_set: BackupSet, name: str, header: Header, fact: TableFact | None) -> None:
    """Raise InvalidBackup for a file that has another table's rows, where no manifest says whose they are."""
    missing = [column for column in backup_set.layout.telling(name) if column not in header.columns]
    if fact is None and missing:
        raise refused(backup_set.files[name], say("columns_missing_in_file", table=name, columns=", ".join(missing)))


def refused(file: StoredFile, reason: str) -> InvalidBackup:
    """The answer for a file whose first line is none of a backup's."""
    details = {"file": file.name, "line": 1, "column": None, "reason": reason}
    return InvalidBackup(say("at_line", file=file.name, line=1, reason=reason), details=details)
