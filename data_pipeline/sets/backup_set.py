"""A set of PostgreSQL tables, taken hold of."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from data_pipeline.layouts.base import Layout
from data_pipeline.sets.manifest import Manifest
from data_pipeline.storage.file import StoredFile
from data_pipeline.storage.location import Location
from data_pipeline.storage.naming import FileFormat


@dataclass(frozen=True)
class BackupSet:
    """A set taken hold of for a restore: the files of the chosen tables, and what vouches for them.

    layout: that of its family; which of its shapes the tables had is told by their columns. others: files of the set
    that were not chosen, where nothing vouches for it and they are there.
    """

    layout: Layout
    location: Location
    timestamp: str
    format: FileFormat
    files: dict[str, StoredFile]
    manifest: Manifest | None
    manifest_file: StoredFile | None = None
    others: Mapping[str, StoredFile] = field(default_factory=dict)
