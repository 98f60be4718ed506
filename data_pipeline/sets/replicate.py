"""A set copied from one storage to another: the same files under the same names, verified where they arrived."""

import hashlib
from dataclasses import replace

from common.errors import BackupExists, NotFound
from common.messages import say
from data_pipeline.sets.catalog import Catalog
from data_pipeline.sets.held_set import AnySet
from data_pipeline.sets.verify import chunks, expect_digest, expect_promised
from data_pipeline.storage.draft import Draft
from data_pipeline.storage.file import StoredFile
from data_pipeline.storage.location import Location
from data_pipeline.storage.registry import Storages


class Replica:
    """A set of one storage, and its copy in another."""

    def __init__(self, catalog: Catalog, storages: Storages, location: Location, timestamp: str) -> None:
        self._catalog = catalog
        self._storages = storages
        self._location = location
        self._timestamp = timestamp

    def make(self, storage: str) -> tuple[Location, bool]:
        """Copy the set to the same location of another storage; where it is now, and whether it was not there before.

        Raises BackupExists if another set has that timestamp there, InvalidBackup if what arrived is not the set.
        """
        where = replace(self._location, storage=storage)
        self._storages.check(storage)
        with self._catalog.locked_any(self._location, self._timestamp) as found:
            try:
                with self._storages.of(where).draft(where, iter([self._timestamp])) as draft:
                    self._copy(found, draft)
            except BackupExists:
                self._expect_same(found, where)
                return where, False
        return where, True

    def _copy(self, found: AnySet, draft: Draft) -> None:
        for key, file in found.files.items():
            digest = _transfer(file, draft)
            if found.manifest:
                expect_promised(draft.file(file.name), found.manifest.file_facts[key])
            else:
                expect_digest(draft.file(file.name), digest)
        vouching = found.manifest_file
        draft.publish(vouching.read(0, vouching.size) if vouching else None)

    def _expect_same(self, found: AnySet, where: Location) -> None:
        """An answer may have been lost: the set that is there already may be the copy that was asked for."""
        try:
            there = self._catalog.find_any(where, self._timestamp)
        except NotFound:  # it is being written right now
            there = None
        if there is None or found.manifest is None or there.manifest != found.manifest:
            raise BackupExists(
                say("set_differs_in_storage", path=where.relative_path, timestamp=self._timestamp), can_retry=False
            )
        for key, file in there.files.items():
            expect_promised(file, found.manifest.file_facts[key])


def _transfer(file: StoredFile, draft: Draft) -> str:
    """Bring a file's bytes into a draft; their SHA-256."""
    digest = hashlib.sha256()
    with file.open() as source, draft.create(file.name) as sink:
        for chunk in chunks(source):
            digest.update(chunk)
            sink.write(chunk)
    return digest.hexdigest()
