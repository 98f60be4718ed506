"""Sets of Milvus by the names that milvus-backup calls them."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from common.errors import InvalidBackup, NotFound, OperationInProgress
from data_pipeline.engine import Engine
from data_pipeline.sets.store_manifest import StoreManifest
from data_pipeline.storage.location import Location
from data_pipeline.stores.milvus.facts import MilvusFacts
from data_pipeline.stores.milvus.server import connected
from data_pipeline.stores.milvus.store import FAMILY, STORE


@dataclass(frozen=True)
class NamedSet:
    """A set. size: bytes of its files. meta_size: of its manifest."""

    location: Location
    timestamp: str
    facts: MilvusFacts
    manifest: StoreManifest
    meta_size: int

    @property
    def backup_path(self) -> str:
        return self.location.relative_path

    @property
    def name(self) -> str:
        return self.facts.name or f"backup_{self.timestamp}"

    @property
    def id(self) -> str:
        return uuid.uuid5(uuid.NAMESPACE_URL, f"{self.backup_path} {self.timestamp}").hex

    @property
    def size(self) -> int:
        return sum(file.bytes for file in self.manifest.files.values())


class NamedSets:
    """Those of the whole system's location."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[NamedSet]:
        """Newest first; those that can't be read are left out."""
        return list(self._each())

    def find(self, name: str) -> NamedSet | None:
        return next((one for one in self._each() if name and one.name == name), None)

    def by_id(self, backup_id: str) -> NamedSet | None:
        return next((one for one in self._each() if one.id == backup_id), None)

    def delete(self, name: str) -> bool:
        """Whether there was one. Raises ServiceError."""
        found = self.find(name)
        if found is not None:
            self._engine.catalog.delete(found.location, found.timestamp)
        return found is not None

    def check(self, target: str) -> str:
        """The version of a target's server. Raises ServiceError."""
        with connected(self._engine.store_target(target, FAMILY)) as server:
            return server.version

    def _each(self) -> Iterator[NamedSet]:
        found = self._engine.catalog.scan(global_only=True, task_id=None, everything=True)
        for listed in found.locations:
            for one in listed.sets:
                if one.files[0].startswith(f"{FAMILY}_"):
                    try:
                        with self._engine.catalog.held(listed.location, one.timestamp, FAMILY) as held:
                            size = held.manifest_file.size if held.manifest_file else 0
                            facts = STORE.facts_of(held)
                            yield NamedSet(listed.location, one.timestamp, facts, held.manifest, size)
                    except (InvalidBackup, NotFound, OperationInProgress):
                        continue
