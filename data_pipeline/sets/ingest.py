"""A backup set that comes from outside, a file after the other, into a draft: nothing of it is listed unchecked."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from common.errors import InvalidBackup
from common.messages import say
from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.sets import vouching
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.held_set import AnySet, HeldSet
from data_pipeline.sets.manifest import AnyManifest, expect_file
from data_pipeline.sets.set_layout import layout_of
from data_pipeline.sets.store_manifest import StoreManifest
from data_pipeline.storage.base import Writable
from data_pipeline.storage.draft import Draft
from data_pipeline.storage.file import StoredFile
from data_pipeline.storage.location import Location
from data_pipeline.storage.naming import (
    KINDS,
    MANIFEST_FILE,
    OPEN_STEM,
    STORE_FILE,
    TABLE_FILE,
    manifest_name,
    table_file,
)
from data_pipeline.storage.storage import Storage

LARGEST_MANIFEST = 16 << 20
"""Bytes of a manifest from outside, which is parsed in memory: enough for a set of 250 GB."""

STEMS = frozenset(table.stem for table in DOCUMENTED.tables)


class Arrival:
    """What has come so far. The names say which set it is; used in a `with`, at whose end nothing unpublished is left.

    Raises InvalidBackup for a file that belongs to no set or to another one, and BackupExists.
    """

    def __init__(self, storage: Storage, location: Location) -> None:
        self._storage = storage
        self._location = location
        self._stack = ExitStack()
        self._draft: Draft | None = None
        self._files: set[str] = set()
        """Of tables, or of another store, by name."""
        self._suffix = ""
        self._manifest: bytearray | None = None

    def __enter__(self) -> "Arrival":
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    @contextmanager
    def file(self, name: str) -> Iterator[Writable]:
        """The next file, to be written; it is stored when the `with` ends."""
        found, manifest = _data_file(name), MANIFEST_FILE.fullmatch(name)
        if found:
            draft = self._of(found["timestamp"])
            self._expect_new(name, found["suffix"])
            with draft.create(name) as file:
                yield file
            self._files.add(name)
        elif manifest and self._manifest is None:
            self._of(manifest[1])
            self._manifest = bytearray()
            yield _Limited(self._manifest)
        else:
            raise unfit(say("file_name_unfit"))

    def arrived(self) -> AnySet:
        """What has come, to be checked: it isn't listed yet."""
        return self._arrived(self._whole())

    def publish(self) -> None:
        """Let it be listed."""
        self._whole().publish(bytes(self._manifest) if self._manifest is not None else None)

    def _whole(self) -> Draft:
        if self._draft is None or not self._files:
            raise unfit(say("set_incomplete"))
        return self._draft

    def _arrived(self, draft: Draft) -> AnySet:
        manifest, key = None, None
        if self._manifest is not None:
            name = manifest_name(draft.timestamp)
            manifest, key = vouching.read(bytes(self._manifest), name, draft.timestamp, draft.keyring)
        if isinstance(manifest, StoreManifest):
            files = self._taken(draft, manifest, {key: fact.file for key, fact in manifest.files.items()})
            return HeldSet(self._location, draft.timestamp, files, manifest, key=key)
        if self._suffix not in KINDS:
            raise unfit(say("set_incomplete"))
        layout, kind = layout_of(manifest), KINDS[self._suffix]
        names = {table.name: table_file(table.stem, draft.timestamp, kind) for table in layout.tables}
        files = self._taken(draft, manifest, names)
        return BackupSet(layout, self._location, draft.timestamp, kind, files, manifest, key=key)

    def _taken(self, draft: Draft, manifest: AnyManifest | None, names: dict[str, str]) -> dict[str, StoredFile]:
        if set(names.values()) != self._files:
            raise unfit(say("set_incomplete"))
        files = {key: draft.file(name) for key, name in names.items()}
        for key, file in files.items():
            if manifest:
                expect_file(manifest, key, file.name, file.size)
        return files

    def _of(self, timestamp: str) -> Draft:
        """The draft of the one set all files belong to; the first one's name claims it."""
        if self._draft is None:
            self._draft = self._stack.enter_context(self._storage.draft(self._location, iter([timestamp])))
        if self._draft.timestamp != timestamp:
            raise unfit(say("files_of_different_sets"))
        return self._draft

    def _expect_new(self, name: str, suffix: str) -> None:
        of_tables = {suffix, self._suffix} & KINDS.keys()  # which have one format
        if name in self._files or (of_tables and self._suffix not in ("", suffix)):
            raise unfit(say("file_name_unfit"))
        self._suffix = suffix


class _Limited:
    """A manifest, kept in memory, and no larger than any can be."""

    def __init__(self, data: bytearray) -> None:
        self._data = data

    def write(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > LARGEST_MANIFEST:
            raise unfit(say("manifest_too_large"))


def _data_file(name: str) -> re.Match[str] | None:
    """The parts of a name that a file of rows has, of tables or of another store."""
    found = TABLE_FILE.fullmatch(name)
    if found and (found["stem"] in STEMS or OPEN_STEM.fullmatch(found["stem"])):
        return found
    return STORE_FILE.fullmatch(name)


def timestamp_of(name: str) -> str:
    """Of the set that a file belongs to. Raises InvalidBackup for a name of none."""
    found = _data_file(name) or MANIFEST_FILE.fullmatch(name)
    if found is None:
        raise unfit(say("file_name_unfit"))
    return str(found["timestamp"] if "timestamp" in found.groupdict() else found[1])


def unfit(reason: str) -> InvalidBackup:
    """For an upload that is no set."""
    return InvalidBackup(say("upload_unfit", reason=reason), details={"reason": reason})
