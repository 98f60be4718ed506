"""What a set's other file says of the dialect, where a restore reads only one of them and nothing vouches for them."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from common.errors import ServiceError
from data_pipeline.formats import blocks, csv_reader, registry
from data_pipeline.formats.csv_reader import RowError
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.tables.dialect import SetDialect
from data_pipeline.sets.tables.table_source import RECORD_BYTES, unmatched

LOOK_BYTES = 32 << 20
"""How much of the file is read at most, in a tenth of a second; usually its first row tells. A file of collections is
never as large, and of the few values in one of those hardly any means something else in the other dialect."""


def hear(backup_set: BackupSet, restored: Sequence[str], dialect: SetDialect) -> None:
    """Let the files of a set that are not restored tell its dialect too. One that can't be read tells nothing."""
    if backup_set.manifest or not registry.of(backup_set.format).described or dialect.told:
        return
    whole = replace(backup_set, files={**backup_set.others, **backup_set.files})
    for name in backup_set.layout.names:
        if name in whole.files and name not in restored:
            with suppress(ServiceError, RowError):
                _hear(whole, name, dialect)


def _hear(backup_set: BackupSet, name: str, dialect: SetDialect) -> None:
    """Read a file to its first sign of either writer."""
    source = unmatched(backup_set, name, SetDialect())
    lines = source.header_lines
    with source.file.ranges() as byte_range:
        for block in source.blocks((LOOK_BYTES - RECORD_BYTES) // 2):
            if block.offset + block.length > LOOK_BYTES:
                return
            data = blocks.read(byte_range(block.offset, block.length), block)
            found = csv_reader.gather(data, source.layout)
            if found.copy or found.python:
                dialect.remember(source.file.name, found, lines)
                return
            lines += data.count(b"\n")
