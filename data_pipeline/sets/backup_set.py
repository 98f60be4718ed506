"""A set of PostgreSQL tables, taken hold of."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from data_pipeline.layouts.base import Layout
from data_pipeline.sets.manifest import Manifest
from data_pipeline.storage.file import StoredFile
from data_pipeline.storage.location import Location
from data_pipeline.storage.naming import FileFormat, Kind


@dataclass(frozen=True)
class BackupSet:
    """A set taken hold of for a restore: the files of the chosen tables, and what vouches for them.

    layout: that of its family; which of its shapes the tables had is told by their columns. kind: how its files are
    stored. others: files of the set that were not chosen, where nothing vouches for it and they are there.
    """

    layout: Layout
    location: Location
    timestamp: str
    kind: Kind
    files: dict[str, StoredFile]
    manifest: Manifest | None
    manifest_file: StoredFile | None = None
    others: Mapping[str, StoredFile] = field(default_factory=dict)

    @property
    def format(self) -> FileFormat:
        return self.kind.format

    @property
    def raw_bytes(self) -> int:
        """Of the files once they are decompressed."""
        facts = self.manifest.tables if self.manifest else {}
        return sum(facts[name].raw_bytes if name in facts else file.size for name, file in self.files.items())
