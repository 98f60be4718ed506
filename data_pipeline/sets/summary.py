"""What a set's manifest says in brief, for lists: read once for each content of the file, and remembered."""

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, NamedTuple

from common.errors import EncryptionKeyMissing, InvalidBackup, ServiceError
from data_pipeline.encryption.envelope import Header
from data_pipeline.encryption.keyring import Keyring
from data_pipeline.sets import manifest as manifests
from data_pipeline.sets import vouching
from data_pipeline.sets.listed import ListedSet
from data_pipeline.sets.manifest import AnyManifest
from data_pipeline.sets.set_layout import layout_of
from data_pipeline.sets.store_manifest import StoreManifest
from data_pipeline.storage.base import Status
from data_pipeline.storage.location import Location
from data_pipeline.storage.naming import manifest_name
from data_pipeline.storage.registry import Storages

READERS = 8
"""Of one list: each manifest in a bucket is a request."""

LEARN_SECONDS = 5.0
"""A list waits no longer for manifests that weren't read before; what is left over is for the next one."""

MOST = 50_000
"""Manifests that are remembered, a few hundred bytes each."""

NOT_OURS_TO_JUDGE = frozenset({"manifest_version_newer", "manifest_layout_unknown"})
"""What a later version wrote may be whole."""

State = Literal["vouched", "unvouched", "damaged", "unknown", "locked"]
Origin = Literal["backup", "restore"]


class SummedTable(NamedTuple):
    """A table of a set, or what a file of another store holds; its file, and the rows in it."""

    name: str
    file: str
    rows: int


class Summary(NamedTuple):
    """What is known of a set without reading its rows.

    state: vouched: a whole manifest fits the files; unvouched: there is none; damaged: it is broken, or the files have
    other sizes; unknown: it could not be read; locked: it is encrypted, and its key is missing. partial: whether it was
    limited to some rows. server: tells the database's server from others. origin: asked for, or taken by a restore
    before it began. key: the id of that which an encrypted set's own is wrapped with.
    """

    state: State
    database: str | None = None
    server: str | None = None
    rows: int | None = None
    partial: bool | None = None
    origin: Origin | None = None
    layout: str | None = None
    tables: tuple[SummedTable, ...] = ()
    key: str | None = None


UNVOUCHED, DAMAGED, UNKNOWN = Summary("unvouched"), Summary("damaged"), Summary("unknown")


class Summaries:
    """Safe to use from many threads."""

    def __init__(self, storages: Storages) -> None:
        self._storages = storages
        self._known: dict[tuple[Location, str], tuple[Status, tuple[int, ...], Summary]] = {}
        self._guard = threading.Lock()

    def of(self, sets: Sequence[tuple[Location, ListedSet]]) -> list[Summary]:
        """Of each set, in order. What can't be read now, or not in time, is unknown. Raises nothing."""
        found = [self._remembered(*one) for one in sets]
        missing = [place for place, summary in enumerate(found) if summary is None]
        deadline = time.monotonic() + LEARN_SECONDS
        if missing:
            with ThreadPoolExecutor(min(READERS, len(missing))) as readers:
                learned = readers.map(lambda place: self._learn(*sets[place], deadline), missing)
                for place, summary in zip(missing, learned, strict=True):
                    found[place] = summary
        return [summary or UNKNOWN for summary in found]

    def _remembered(self, location: Location, listed: ListedSet) -> Summary | None:
        if listed.manifest is None:
            return UNVOUCHED
        status, sizes, summary = self._known.get((location, listed.timestamp), (None, None, None))
        return summary if (status, sizes) == (listed.manifest, listed.sizes) else None

    def _learn(self, location: Location, listed: ListedSet, deadline: float) -> Summary:
        if listed.manifest is None or time.monotonic() > deadline:
            return UNKNOWN
        file = self._storages.of(location).listed_file(location, manifest_name(listed.timestamp), listed.manifest)
        if file.size > manifests.LARGEST:
            return DAMAGED
        try:
            data = file.read(0, file.size)
        except ServiceError:  # out of reach, or another file by now
            return UNKNOWN
        summary = _summary(data, file.name, listed, self._storages.keyring)
        with self._guard:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[location, listed.timestamp] = (listed.manifest, listed.sizes, summary)
        return summary


def _summary(data: bytes, name: str, listed: ListedSet, keyring: Keyring) -> Summary:
    there = dict(zip(listed.files, listed.sizes, strict=True))
    try:
        envelope = vouching.envelope_of(data, name, listed.timestamp)
        try:
            manifest = vouching.read(data, name, listed.timestamp, keyring).manifest
        except EncryptionKeyMissing:
            return _locked(envelope.header, there) if envelope else UNKNOWN
    except InvalidBackup as error:
        return UNKNOWN if error.code in NOT_OURS_TO_JUDGE else DAMAGED
    if there != {fact.file: fact.bytes for fact in manifest.file_facts.values()}:
        return DAMAGED
    return _of_manifest(manifest)._replace(key=envelope.header.key.id if envelope else None)


def _locked(header: Header, there: Mapping[str, int]) -> Summary:
    """What is told of a set whose manifest can't be opened. there: its files, with their sizes."""
    return Summary("locked", layout=header.layout, key=header.key.id) if header.files == there else DAMAGED


def _of_manifest(manifest: AnyManifest) -> Summary:
    origin: Origin = "restore" if manifest.precaution else "backup"
    tables = tuple(SummedTable(table, fact.file, fact.rows) for table, fact in manifest.file_facts.items())
    family = manifest.layout if isinstance(manifest, StoreManifest) else layout_of(manifest).family
    return Summary(
        "vouched", manifest.database, manifest.server, rows_of(manifest), manifest.partial, origin, family, tables
    )


def rows_of(manifest: AnyManifest) -> int:
    """How large a set is: the rows that its owners own, or else those of all its tables."""
    if isinstance(manifest, StoreManifest):
        return sum(fact.rows for fact in manifest.files.values())
    member = layout_of(manifest).member
    counted = [manifest.tables[member]] if member in manifest.tables else manifest.tables.values()
    return sum(fact.rows for fact in counted)
