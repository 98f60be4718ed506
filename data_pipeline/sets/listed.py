"""Which sets a listing of files shows: complete ones, by timestamp, newest first."""

from dataclasses import dataclass
from typing import NamedTuple

from common.errors import ServiceError
from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.sets.set_layout import documented_files
from data_pipeline.storage.base import Listing, Status
from data_pipeline.storage.location import Location
from data_pipeline.storage.naming import (
    KINDS,
    LOG,
    TABLE_FILE,
    Kind,
    claim_name,
    described_timestamp,
    kind_of,
    manifest_name,
    table_file,
)


class ListedSet(NamedTuple):
    """A complete set as a listing shows it: its files and their sizes in bytes; of a documented one in load order.

    documented: its files are those of LangChain's two tables; of any other set only the manifest says whose they are.
    kind: of its tables; None of another store's set.
    """

    timestamp: str
    kind: Kind | None
    files: tuple[str, ...]
    sizes: tuple[int, ...]
    manifest: Status | None
    documented: bool = True

    @property
    def has_manifest(self) -> bool:
        return self.manifest is not None

    @property
    def identity(self) -> str:
        """Tells the set from another one that took its place, by what a listing knows."""
        return "-".join(map(str, (*self.sizes, self.manifest.size if self.manifest else 0)))


@dataclass(frozen=True)
class ListedLocation:
    """A location with at least one complete set, newest first."""

    location: Location
    sets: list[ListedSet]
    has_log: bool


@dataclass(frozen=True)
class Scan:
    """What a storage has: the locations with a complete set, and those that could not be looked through, and why."""

    locations: list[ListedLocation]
    unreadable: list[tuple[Location, ServiceError]]


def complete_sets(names: set[str]) -> list[tuple[str, Kind, tuple[str, ...]]]:
    """Timestamp, kind and files, in load order, of the complete sets among a location's files, newest first.

    A timestamp is one set; where several kinds are there it is the one that a restore takes.
    """
    stems = [table.stem for table in DOCUMENTED.tables]
    found = (TABLE_FILE.fullmatch(name) for name in names if name.startswith(stems[0]))
    timestamps = {match["timestamp"] for match in found if match and match["stem"] == stems[0]}
    complete = []
    for timestamp in sorted(timestamps, reverse=True):
        kind = kind_of(timestamp, stems, names)
        if kind and (claim_name(timestamp) not in names or manifest_name(timestamp) in names):
            complete.append((timestamp, kind, tuple(table_file(stem, timestamp, kind) for stem in stems)))
    return complete


def other_sets(names: set[str]) -> list[tuple[str, Kind | None, tuple[str, ...]]]:
    """The same of sets of any tables and of other stores: those that have a manifest, and no files of the documented
    tables."""
    found: dict[str, list[str]] = {}
    for name in names:
        if timestamp := described_timestamp(name):
            found.setdefault(timestamp, []).append(name)
    return [
        (timestamp, _kind(files), tuple(sorted(files)))
        for timestamp, files in found.items()
        if manifest_name(timestamp) in names and not documented_files(timestamp) & names
    ]


def _kind(files: list[str]) -> Kind | None:
    found = TABLE_FILE.fullmatch(files[0])
    return KINDS[found["suffix"]] if found else None


def shown(location: Location, listing: Listing, *, everything: bool) -> ListedLocation:
    """What a listing shows of a location: documented sets, or all. Raises ServiceError where it can't be looked
    through."""
    names = listing.names
    documented, others = complete_sets(names), other_sets(names) if everything else []
    known = {timestamp for timestamp, _, _ in documented}
    complete = sorted([*documented, *others], key=lambda one: one[0], reverse=True)
    looked_at = [name for timestamp, _, files in complete for name in (*files, manifest_name(timestamp))]
    there = dict(zip(looked_at, listing.statuses(looked_at), strict=True))
    sets = []
    for timestamp, kind, files in complete:
        sizes = tuple(status.size for status in map(there.get, files) if status is not None)
        if len(sizes) == len(files):  # else one was deleted a moment ago
            manifest = there[manifest_name(timestamp)] if manifest_name(timestamp) in names else None
            sets.append(ListedSet(timestamp, kind, files, sizes, manifest, timestamp in known))
    return ListedLocation(location, sets, LOG in names)
