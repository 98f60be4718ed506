"""A set of PostgreSQL tables, taken hold of."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from common.errors import ServiceError
from data_pipeline.encryption.set_key import SetKey
from data_pipeline.layouts.base import Layout
from data_pipeline.sets.manifest import Manifest
from data_pipeline.storage.file import StoredFile
from data_pipeline.storage.location import Location
from data_pipeline.storage.naming import FileFormat, Kind, table_file
from data_pipeline.storage.storage import Storage


@dataclass(frozen=True)
class BackupSet:
    """A set taken hold of for a restore: the files of the chosen tables, and what vouches for them.

    layout: that of its family; which of its shapes the tables had is told by their columns. kind: how its files are
    stored. others: files of the set that were not chosen, where nothing vouches for it and they are there. key: of its
    blocks, if they are encrypted.
    """

    layout: Layout
    location: Location
    timestamp: str
    kind: Kind
    files: dict[str, StoredFile]
    manifest: Manifest | None
    manifest_file: StoredFile | None = None
    others: Mapping[str, StoredFile] = field(default_factory=dict)
    key: SetKey | None = None

    @property
    def format(self) -> FileFormat:
        return self.kind.format

    @property
    def raw_bytes(self) -> int:
        """Of the files once they are decompressed."""
        facts = self.manifest.tables if self.manifest else {}
        return sum(facts[name].raw_bytes if name in facts else file.size for name, file in self.files.items())


def others(storage: Storage, taken: BackupSet) -> dict[str, StoredFile]:
    """By table, the files of a set that were not taken; one that isn't there, or can't be had, is left out."""
    found = {}
    for table in taken.layout.tables:
        if table.name not in taken.files:
            with suppress(ServiceError):
                name = table_file(table.stem, taken.timestamp, taken.kind)
                found[table.name] = storage.file(taken.location, name)
    return found
