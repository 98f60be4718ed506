"""A backup set that comes from outside, a file after the other, into a draft: nothing of it is listed unchecked."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from common.errors import InvalidBackup
from common.messages import say
from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.sets import manifest as manifests
from data_pipeline.sets.catalog import BackupSet
from data_pipeline.sets.manifest import Manifest
from data_pipeline.sets.set_layout import layout_of
from data_pipeline.storage.base import Writable
from data_pipeline.storage.draft import Draft
from data_pipeline.storage.location import Location
from data_pipeline.storage.naming import (
    KINDS,
    MANIFEST_FILE,
    OPEN_STEM,
    TABLE_FILE,
    Kind,
    manifest_name,
    table_file,
)
from data_pipeline.storage.storage import Storage

LARGEST_MANIFEST = 16 << 20
"""Bytes of a manifest from outside, which is parsed in memory: enough for a set of 250 GB."""

STEMS = frozenset(table.stem for table in DOCUMENTED.tables)

Check = Callable[[BackupSet], Any]


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
        """Of tables, by name."""
        self._suffix = ""
        self._manifest: bytearray | None = None

    def __enter__(self) -> "Arrival":
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    @contextmanager
    def file(self, name: str) -> Iterator[Writable]:
        """The next file, to be written; it is stored when the `with` ends."""
        found, manifest = TABLE_FILE.fullmatch(name), MANIFEST_FILE.fullmatch(name)
        if found and (found["stem"] in STEMS or OPEN_STEM.fullmatch(found["stem"])):
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
            raise _unfit(say("file_name_unfit"))

    def publish(self, check: Check) -> tuple[BackupSet, Any]:
        """Let everybody see the set once `check` has found nothing wrong with it; the set, and what check returned."""
        if self._draft is None or not self._suffix:
            raise _unfit(say("set_incomplete"))
        arrived = self._arrived(self._draft, KINDS[self._suffix])
        found = check(arrived)
        self._draft.publish(bytes(self._manifest) if self._manifest is not None else None)
        return arrived, found

    def _arrived(self, draft: Draft, kind: Kind) -> BackupSet:
        manifest: Manifest | None = None
        if self._manifest is not None:
            manifest = manifests.load(bytes(self._manifest), manifest_name(draft.timestamp), draft.timestamp)
        layout = layout_of(manifest)
        names = {table.name: table_file(table.stem, draft.timestamp, kind) for table in layout.tables}
        if set(names.values()) != self._files:
            raise _unfit(say("set_incomplete"))
        files = {table: draft.file(name) for table, name in names.items()}
        for table, file in files.items():
            if manifest:
                manifest.expect_file(table, file.name, file.size)
        return BackupSet(layout, self._location, draft.timestamp, kind, files, manifest)

    def _of(self, timestamp: str) -> Draft:
        """The draft of the one set all files belong to; the first one's name claims it."""
        if self._draft is None:
            self._draft = self._stack.enter_context(self._storage.draft(self._location, iter([timestamp])))
        if self._draft.timestamp != timestamp:
            raise _unfit(say("files_of_different_sets"))
        return self._draft

    def _expect_new(self, name: str, suffix: str) -> None:
        if name in self._files or self._suffix not in ("", suffix):
            raise _unfit(say("file_name_unfit"))
        self._suffix = suffix


class _Limited:
    """A manifest, kept in memory, and no larger than any can be."""

    def __init__(self, data: bytearray) -> None:
        self._data = data

    def write(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > LARGEST_MANIFEST:
            raise _unfit(say("manifest_too_large"))


def _unfit(reason: str) -> InvalidBackup:
    return InvalidBackup(say("upload_unfit", reason=reason), details={"reason": reason})
