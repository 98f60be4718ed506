"""What a restore was asked to do."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from data_pipeline.formats.evidence import Dialect
from data_pipeline.sets.manifest import Manifest

Strategy = Literal["reload", "sync"]
OnConflict = Literal["error", "skip", "update"]
Triggers = Literal["fire", "disable"]


@dataclass(frozen=True)
class Options:
    """`tables` are in the order they are written; `collections` are names, None for all."""

    tables: list[str]
    truncate: bool = False
    atomic: bool = False
    strategy: Strategy = "reload"
    on_conflict: OnConflict = "error"
    collections: Sequence[str] | None = None
    collection_suffix: str | None = None
    backup_before_restore: bool = False
    create_tables: bool = False
    dry_run: bool = False
    triggers: Triggers = "fire"
    require_manifest: bool = False
    expect_database: str | None = None
    dialect: Dialect | None = None

    @property
    def merges(self) -> bool:
        return self.on_conflict != "error"

    @property
    def removes(self) -> bool:
        """Live rows that the backup doesn't have go."""
        return self.truncate or self.strategy == "sync"

    def limited_to(self, manifest: Manifest | None) -> "Options":
        """A set of some collections says nothing about the others: where rows are removed, they are left alone."""
        chosen = manifest.chosen_collections if manifest else None
        if chosen is None or self.collections is not None or not self.removes:
            return self
        return replace(self, collections=chosen)

    @property
    def reads_names(self) -> bool:
        """The collection file is needed, whichever tables are restored: it says which collection is which."""
        return self.collections is not None or self.merges
