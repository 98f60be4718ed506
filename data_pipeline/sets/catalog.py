"""Which backup sets there are: files paired by timestamp, newest first."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from common.errors import (
    EncryptionKeyMissing,
    InvalidBackup,
    InvalidParams,
    NotFound,
    PermissionDenied,
    ServiceUnavailable,
)
from common.messages import say
from data_pipeline.encryption import envelope
from data_pipeline.layouts import tables as any_tables
from data_pipeline.layouts.registry import DOCUMENTED, OPEN
from data_pipeline.sets import manifest as manifests
from data_pipeline.sets import vouching
from data_pipeline.sets.backup_set import BackupSet, others
from data_pipeline.sets.held_set import AnySet, HeldSet
from data_pipeline.sets.listed import ListedSet, Scan, shown
from data_pipeline.sets.manifest import AnyManifest, expect_file, of_tables
from data_pipeline.sets.set_layout import documented_files, layout_of
from data_pipeline.sets.store_manifest import StoreManifest
from data_pipeline.sets.vouching import Vouching
from data_pipeline.storage import location as locations
from data_pipeline.storage.file import StoredFile
from data_pipeline.storage.location import MAIN_STORAGE, Location
from data_pipeline.storage.naming import (
    MANIFEST_FILE,
    STORE_STEMS,
    TABLE_FILE,
    Kind,
    claim_name,
    described_timestamp,
    kind_of,
    manifest_name,
    table_file,
)
from data_pipeline.storage.registry import Storages, storage_at

CSV = Kind("csv")
"""What a set is taken for of which there is no file."""


class Catalog:
    """The backup sets of all storages. Raises InvalidParams for a location in a storage that is not configured."""

    def __init__(self, storages: Storages, backup_directory: str) -> None:
        self._storages = storages
        self._backup_directory = backup_directory

    def location(self, task_id: str | None, storage: str = MAIN_STORAGE) -> Location:
        """The location of a task's backups, or of the whole system's."""
        return Location((task_id, self._backup_directory) if task_id else (self._backup_directory,), storage)

    def sweep(self, storage: str = MAIN_STORAGE) -> list[str]:
        """Remove what killed backups left behind, everywhere in a storage; returns the logical paths of those sets."""
        places = [self.location(None, storage), *self._tasks(storage)]
        return [place.file(timestamp) for place in places for timestamp in self._storages.of(place).sweep(place)]

    def scan(
        self, *, global_only: bool, task_id: str | None, storage: str = MAIN_STORAGE, everything: bool = False
    ) -> Scan:
        """Locations of a storage with a complete set: the global one first, then tasks by their newest set.

        everything: also sets of any tables.
        """
        if task_id:
            place = [self.location(task_id, storage)] if locations.is_task_directory(task_id) else []
            return self._listed(place, everything)
        found = self._listed([self.location(None, storage)], everything)
        if global_only:
            return found
        tasks = self._listed(self._tasks(storage), everything)
        by_time = sorted(tasks.locations, key=lambda listed: listed.sets[0].timestamp, reverse=True)
        return Scan(found.locations + by_time, found.unreadable + tasks.unreadable)

    def listed(self, location: Location, timestamp: str) -> ListedSet | None:
        """One set as a listing shows it."""
        found = self._listed([location], everything=True).locations
        return next((one for listed in found for one in listed.sets if one.timestamp == timestamp), None)

    def unreadable(self, storage: str = MAIN_STORAGE) -> list[Location]:
        """The locations of a storage that can't be looked through."""
        places = [self.location(None, storage), *self._tasks(storage)]
        return self._storages.of(places[0]).unreadable(places)

    def manifests(self, location: Location, before: str) -> Iterator[AnyManifest]:
        """Those of a location's complete sets before a timestamp, newest first, each read when it is asked for.

        A damaged one is passed over, and one whose key is missing.
        """
        found = map(MANIFEST_FILE.fullmatch, self._storages.of(location).files(location))
        for timestamp in sorted((match[1] for match in found if match and match[1] < before), reverse=True):
            told = self._undamaged(location, timestamp)
            if told:
                yield told.manifest

    def _undamaged(self, location: Location, timestamp: str) -> Vouching | None:
        with suppress(InvalidBackup, NotFound, EncryptionKeyMissing):
            return self._vouching(location, timestamp)[0]
        return None

    def find(self, location: Location, timestamp: str, tables: Sequence[str] | None = None) -> BackupSet:
        """Take hold of a set's files: those of some tables, or all.

        Raises NotFound or InvalidBackup, or InvalidParams for another store's set, as locked() does.
        """
        kind, names = self._named(location, timestamp, tables)
        return self._take(location, timestamp, kind, names)

    @contextmanager
    def locked(self, location: Location, timestamp: str, tables: Sequence[str] | None = None) -> Iterator[BackupSet]:
        """A set, locked against deletion. Raises NotFound, InvalidBackup."""
        kind, names = self._named(location, timestamp, tables)
        storage = self._storages.of(location)
        with storage.locked(location, timestamp, list(names.values())):
            taken = self._take(location, timestamp, kind, names)
            yield taken if taken.manifest else replace(taken, others=others(storage, taken))

    def find_any(self, location: Location, timestamp: str) -> AnySet:
        """The same of a whole set, of tables or of another store."""
        if self._of_a_store(location, timestamp):
            return self._hold(location, timestamp)
        return self.find(location, timestamp)

    @contextmanager
    def locked_any(self, location: Location, timestamp: str) -> Iterator[AnySet]:
        """A whole set, of tables or of another store, locked against deletion."""
        if manifest := self._of_a_store(location, timestamp):
            names = [fact.file for fact in manifest.files.values()]
            with self._storages.of(location).locked(location, timestamp, names):
                yield self._hold(location, timestamp)
        else:
            with self.locked(location, timestamp) as found:
                yield found

    @contextmanager
    def held(self, location: Location, timestamp: str, family: str | None = None) -> Iterator[HeldSet]:
        """A set of another store, locked against deletion. family: of which store it has to be, if that matters.

        Raises NotFound, InvalidBackup, or InvalidParams for a set of tables or of a further store.
        """
        if manifest_name(timestamp) not in self._published(location, timestamp):
            raise NotFound(say("backup_file_missing", path=location.file(manifest_name(timestamp))))
        with self.locked_any(location, timestamp) as found:
            if not isinstance(found, HeldSet):
                raise InvalidParams(say("set_of_tables"), details={"field": "set"})
            if family not in (None, found.family):
                text = say("set_of_a_store", layout=found.family)
                raise InvalidParams(text, details={"field": "set", "layout": found.family})
            yield found

    def _of_a_store(self, location: Location, timestamp: str) -> StoreManifest | None:
        described = self._described(location, timestamp, self._published(location, timestamp))
        return described.manifest if described and isinstance(described.manifest, StoreManifest) else None

    def _hold(self, location: Location, timestamp: str) -> HeldSet:
        told, file = self._vouching(location, timestamp)
        if told is None or not isinstance(told.manifest, StoreManifest):  # removed, or replaced, a moment ago
            raise _missing(location, timestamp)
        manifest = told.manifest
        found = {key: self._storages.of(location).file(location, fact.file) for key, fact in manifest.files.items()}
        for key, stored in found.items():
            expect_file(manifest, key, stored.name, stored.size)
        return HeldSet(location, timestamp, found, manifest, file, told.key)

    def _named(self, location: Location, timestamp: str, tables: Sequence[str] | None) -> tuple[Kind, dict[str, str]]:
        """The kind of a set, and by table the name of its file, whether or not it is there."""
        present = self._published(location, timestamp)
        if told := self._described(location, timestamp, present):
            described = of_tables(told.manifest)
            layout = layout_of(described)
            chosen = any_tables.chosen(layout, tables) if tables else layout.names
            fact = next(iter(described.tables.values()))
            kind = Kind(fact.format, fact.compression, told.key is not None)
            return kind, {name: table_file(layout[name].stem, timestamp, kind) for name in chosen}
        stems = {name: DOCUMENTED[name].stem for name in tables or DOCUMENTED.names}
        kind = kind_of(timestamp, stems.values(), present) or CSV  # whose names an error tells
        return kind, {name: table_file(stem, timestamp, kind) for name, stem in stems.items()}

    def _described(self, location: Location, timestamp: str, present: set[str]) -> Vouching | None:
        """The manifest of a set that has none of the documented files: only it says which ones there are.

        None for any other. Raises InvalidBackup for a damaged one.
        """
        if manifest_name(timestamp) not in present or present & documented_files(timestamp):
            return None
        found = self._vouching(location, timestamp)[0]
        return found if found and found.manifest.layout in (*OPEN, *STORE_STEMS) else None

    def _take(self, location: Location, timestamp: str, kind: Kind, names: dict[str, str]) -> BackupSet:
        files = {table: self._storages.of(location).file(location, name) for table, name in names.items()}
        found, file = self._vouching(location, timestamp)
        manifest = of_tables(found.manifest) if found else None
        for table, stored in files.items():
            if manifest:
                expect_file(manifest, table, stored.name, stored.size)
        layout = layout_of(manifest)
        if layout.family in OPEN:
            layout = layout.only(names)
        key = found.key if found else None
        if manifest and kind.sealed and key is None:  # one that anybody can write in the place of the encrypted one
            raise envelope.damaged(manifest_name(timestamp))
        return BackupSet(layout, location, timestamp, kind, files, manifest, file, key=key)

    def expect_removable(self, location: Location, timestamp: str) -> None:
        """Raise NotFound, PermissionDenied, or OperationInProgress while it is read."""
        storage = self._storages.of(location)
        storage.expect_removable(location)
        with storage.locked(location, timestamp, self._removing(location, timestamp)[0], exclusive=True):
            pass

    def delete(self, location: Location, timestamp: str) -> list[str]:
        """Remove a set and return the names of its files. Raises OperationInProgress while it is read.

        The manifest goes last: as long as a file is there, so is what vouches for it.
        """
        data, names = self._removing(location, timestamp)
        with self._storages.of(location).locked(location, timestamp, data, exclusive=True):
            self._storages.of(location).delete(location, names)
        return names

    def data_files(self, location: Location, timestamp: str) -> list[str]:
        """The names of a set's files without what vouches for it, as locks go by them. Raises NotFound."""
        return self._removing(location, timestamp)[0]

    def _removing(self, location: Location, timestamp: str) -> tuple[list[str], list[str]]:
        """The names of a set's data files, and of all its files in the order in which they go. Raises NotFound."""
        present = self._published(location, timestamp)
        vouched = {manifest_name(timestamp)} & present
        data = sorted(documented_files(timestamp) & present, reverse=True)
        if not data and vouched:
            data = sorted((name for name in present if described_timestamp(name) == timestamp), reverse=True)
        if not data:
            raise _missing(location, timestamp)
        return data, data + sorted(vouched)

    @staticmethod
    def single(table: str, path: Path) -> BackupSet:
        """One table's CSV file wherever it lies, as a set that nothing vouches for."""
        storage = storage_at(path.parent)
        file = storage.file(Location(()), path.name)
        found = TABLE_FILE.fullmatch(path.name)
        timestamp = found["timestamp"] if found else ""
        single = BackupSet(DOCUMENTED, Location(()), timestamp, CSV, {table: file}, None)
        return replace(single, others=others(storage, single)) if found else single

    def _published(self, location: Location, timestamp: str) -> set[str]:
        """A location's files. Raises NotFound if the set is being published right now, or its writer was killed."""
        present = self._storages.of(location).files(location)
        if claim_name(timestamp) in present and manifest_name(timestamp) not in present:
            raise _missing(location, timestamp)
        return present

    def _tasks(self, storage: str) -> list[Location]:
        names = self._storages.of(self.location(None, storage)).names()
        return [self.location(name, storage) for name in names if locations.is_task_directory(name)]

    def _listed(self, places: list[Location], everything: bool) -> Scan:
        """Of one storage. A directory that can't be looked through leaves the others as they are."""
        scan = Scan([], [])
        if not places:
            return scan
        for place, listing in zip(places, self._storages.of(places[0]).listings(places), strict=True):
            try:
                listed = shown(place, listing, everything=everything)
            except (PermissionDenied, ServiceUnavailable) as error:
                scan.unreadable.append((place, error))
                continue
            except NotFound:  # removed a moment ago
                continue
            if listed.sets:
                scan.locations.append(listed)
        return scan

    def _vouching(self, location: Location, timestamp: str) -> tuple[Vouching | None, StoredFile | None]:
        try:
            file = self._storages.of(location).file(location, manifest_name(timestamp))
        except NotFound:
            return None, None
        if file.size > manifests.LARGEST:
            raise InvalidBackup(say("manifest_file_too_large", path=file.path), details={"file": file.name})
        return vouching.read(file.read(0, file.size), file.name, timestamp, self._storages.keyring), file


def _missing(location: Location, timestamp: str) -> NotFound:
    name = table_file(DOCUMENTED.tables[0].stem, timestamp, CSV)
    return NotFound(say("backup_file_missing", path=location.file(name)))
