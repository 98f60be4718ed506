"""Resources: those of the environment and those of the jobs database, by kind and name."""

from functools import partial
from typing import Any

from common.errors import (
    NotFound,
    ResourceExists,
    ResourceReadOnly,
    ServiceError,
    ServiceUnavailable,
)
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.jobs.backend.database import JobsDatabase
from data_pipeline.jobs.backend.resource_rows import ResourceRow, ResourceRows
from data_pipeline.operations.target import AnyTarget
from data_pipeline.postgres.target import Target
from data_pipeline.postgres_server import embedded
from data_pipeline.resources.config import RESOURCE_NAME, Config
from data_pipeline.resources.kind import Held, Kind
from data_pipeline.resources.notifiers import NotifierKind
from data_pipeline.resources.schedules import ScheduleKind
from data_pipeline.resources.sealing import Sealer
from data_pipeline.resources.storages import StorageKind
from data_pipeline.resources.targets import TargetKind
from data_pipeline.storage.registry import Place
from data_pipeline.stores.target import StoreTarget
from data_pipeline.targets import DEFAULT_TARGET


class Resources:
    """The resources of a service. Requests may name its targets and storages as they name the environment's.

    What the environment configures is known without the jobs database, and has the name where a row has it too.
    Methods raise ServiceUnavailable where the database is needed and can't be reached.
    """

    def __init__(self, engine: Engine) -> None:
        settings = self._settings = engine.settings
        self.database = JobsDatabase(
            lambda: settings.jobs_database or embedded.start(settings.embedded_data_dir).target
        )
        self._rows = ResourceRows(self.database)
        self._sealer = Sealer(settings.secret_keys, settings.secret_key_file)
        self._targets, self._storages = TargetKind(engine), StorageKind(engine)
        every: list[Kind[Any]] = [self._targets, self._storages, ScheduleKind(engine), NotifierKind(settings)]
        self.kinds = {kind.name: kind for kind in every}
        engine.databases.extend(self.target_named, partial(self.names, "target"))
        engine.stores.extend(self.store_named)
        engine.storages.extend(_FurtherStorages(self))

    def all(self, kind: str) -> list[Held[Any]]:
        """The environment's first, then the others by name."""
        given = self.kinds[kind].environment()
        rows = [row for row in self._rows.all(kind) if row.name not in given]
        return [*given.values(), *map(self._held, rows)]

    def known(self, kind: str) -> tuple[list[Held[Any]], bool]:
        """The same, and whether these are all: without the jobs database only the environment's are known."""
        try:
            return self.all(kind), True
        except ServiceUnavailable:
            return [*self.kinds[kind].environment().values()], False

    def get(self, kind: str, name: str) -> Held[Any]:
        """Raises NotFound."""
        if found := self.kinds[kind].environment().get(name):
            return found
        return self._held(self._row(kind, name))

    def create(self, kind: str, name: str, config: Config) -> Held[Any]:
        """Raises ResourceExists, and what is wrong with it."""
        if name in self.kinds[kind].environment():
            raise _exists(kind, name)
        whole = config.completed({})
        self.kinds[kind].expect_possible(name, whole)
        row = self._rows.add(kind, name, whole.shown(), *self._seal(kind, name, whole))
        if row is None:
            raise _exists(kind, name)
        return self._held(row)

    def change(self, kind: str, name: str, config: Config) -> Held[Any]:
        """Give it another configuration; a secret that isn't given stays as it is.

        Raises NotFound, ResourceReadOnly, and what is wrong with it.
        """
        self._expect_changeable(kind, name)
        while True:
            row = self._row(kind, name)
            whole = config.completed({} if config.sealed().keys() >= config.secrets else self._open(row))
            self.kinds[kind].expect_possible(name, whole)
            changed = self._rows.change(row, whole.shown(), *self._seal(kind, name, whole))
            if changed is not None:
                return self._held(changed)

    def delete(self, kind: str, name: str) -> None:
        """Raises NotFound, ResourceReadOnly, ResourceInUse."""
        self._expect_changeable(kind, name)
        self._row(kind, name)
        self.kinds[kind].expect_unused(name, self.all)
        if not self._rows.remove(kind, name):
            raise _missing(kind, name)

    def try_out(self, kind: str, name: str) -> dict[str, Any]:
        """Test it, and say what was seen. Raises NotFound, and what doesn't work."""
        return self.kinds[kind].try_out(name, self.config(kind, name))

    def config(self, kind: str, name: str) -> Any:
        """What is configured, its secrets included; None where only the environment knows.

        Raises NotFound, or ServiceUnavailable if its secrets can't be opened.
        """
        if found := self.kinds[kind].environment().get(name):
            return found.config
        return self._config(self._row(kind, name))

    def place(self, name: str) -> Place | None:
        """Where a storage of a row is, None if there is none of that name. Raises Forbidden, ServiceUnavailable."""
        row = self._rows.get("storage", name)
        return self._storages.place(self._config(row)) if row else None

    def drills(self, schedule: str) -> bool:
        """Whether each set of a schedule is to be proven; not if it is gone."""
        try:
            config = self.get("schedule", schedule).config
        except NotFound:
            return False
        return config is not None and bool(config.drill)

    def names(self, kind: str) -> list[str]:
        """Of the rows alone."""
        return [row.name for row in self._rows.all(kind)]

    def target(self, held: Held[Any]) -> AnyTarget | None:
        """Where a held target is, None where that can't be told."""
        if held.of_environment:
            return self._targets.of_environment(held.name)
        try:
            return self._targets.found(held.name, held.config) if held.config else None
        except ServiceError:  # its host is not allowed any more
            return None

    def target_named(self, name: str) -> Target | None:
        """That of a row, None if there is none of that name.

        Raises Forbidden, ServiceUnavailable, InvalidParams if it is no database.
        """
        row = self._rows.get("target", name)
        return self._targets.target(name, self._config(row)) if row else None

    def store_named(self, name: str) -> StoreTarget | None:
        """The store of a row, None if there is none of that name. Raises Forbidden, ServiceUnavailable."""
        row = self._rows.get("target", name)
        return self._targets.store(name, self._config(row)) if row else None

    def operators_may_restore(self, name: str | None) -> bool:
        """Whether operators may restore into what a request calls so; None is the configured database. Never into
        what a URL names."""
        if name is None or name in self._settings.targets or name in self._settings.store_targets:
            return (name or DEFAULT_TARGET) in self._settings.operator_targets
        row = self._rows.get("target", name) if RESOURCE_NAME.fullmatch(name) else None
        return bool(row and row.config.get("operators_may_restore"))

    def _row(self, kind: str, name: str) -> ResourceRow:
        if not RESOURCE_NAME.fullmatch(name):  # it may hold what no database takes, and is not repeated
            raise _missing(kind, "?")
        row = self._rows.get(kind, name)
        if row is None:
            raise _missing(kind, name)
        return row

    def _config(self, row: ResourceRow) -> Any:
        return self.kinds[row.kind].config.read({**row.config, **self._open(row)})

    def _held(self, row: ResourceRow) -> Held[Any]:
        try:
            config = self._config(row)
        except ServiceError:  # the key is gone, or a later version has written what this one doesn't know
            config = None
        secrets = tuple(sorted(config.sealed())) if config else ()
        return Held(row.name, config, row.config, secrets, row.created_at, row.updated_at)

    def _seal(self, kind: str, name: str, config: Config) -> tuple[str | None, str | None]:
        secrets = config.sealed()
        return self._sealer.seal(kind, name, secrets) if secrets else (None, None)

    def _open(self, row: ResourceRow) -> dict[str, Any]:
        return self._sealer.open(row.kind, row.name, row.sealed, row.key_id) if row.sealed else {}

    def _expect_changeable(self, kind: str, name: str) -> None:
        if name in self.kinds[kind].environment():
            raise ResourceReadOnly(say("resource_read_only", name=name), can_retry=False)


class _FurtherStorages:
    """The storages of rows, as the engine's storages ask for them."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def names(self) -> list[str]:
        return self._resources.names("storage")

    def find(self, name: str) -> Place | None:
        return self._resources.place(name)


def _exists(kind: str, name: str) -> ResourceExists:
    return ResourceExists(say("resource_exists", kind=kind, name=name), can_retry=False)


def _missing(kind: str, name: str) -> NotFound:
    return NotFound(say("resource_unknown", kind=kind, name=name))
