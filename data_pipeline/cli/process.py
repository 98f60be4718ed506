"""What a command works with: the service's settings and engine, and the history of its jobs."""

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from common import uncaught
from data_pipeline.engine import Engine
from data_pipeline.postgres.target import forget_libpq_variables
from data_pipeline.settings import Settings

if TYPE_CHECKING:
    from data_pipeline.jobs.job import Origin
    from data_pipeline.jobs.jobs import Jobs
    from data_pipeline.resources.store import Resources
    from data_pipeline.storage.registry import Place

# What is imported where it is used takes longer to import than a list takes, and a list needs none of it.


@contextmanager
def engine() -> Iterator[Engine]:
    """What a service with this environment would work with. Raises SettingsError."""
    uncaught.note_only_kinds()
    settings = Settings.load()
    forget_libpq_variables()
    built = Engine.build(settings)
    further = _Further(built)
    built.databases.extend(lambda name: further.resources.target_named(name), lambda: further.resources.names("target"))
    built.stores.extend(lambda name: further.resources.store_named(name))
    built.storages.extend(further)
    try:
        yield built
    finally:
        further.close()
        built.pool.close()


class _Further:
    """Targets and storages of the jobs database, which is asked when a name is not the environment's."""

    def __init__(self, of: Engine) -> None:
        self._engine = of
        self._opened: Resources | None = None

    @property
    def resources(self) -> "Resources":
        from data_pipeline.resources.store import Resources

        self._opened = self._opened or Resources(self._engine)
        return self._opened

    def names(self) -> list[str]:
        return self.resources.names("storage")

    def find(self, name: str) -> "Place | None":
        return self.resources.place(name)

    def close(self) -> None:
        if self._opened is not None:
            self._opened.database.close()


@contextmanager
def jobs(of: Engine) -> "Iterator[Jobs]":
    """The queue and its history. Schedules are for services and workers: a command that happens to run does none."""
    from data_pipeline.api.operating import logs
    from data_pipeline.jobs.jobs import Jobs
    from data_pipeline.operations import registry
    from data_pipeline.resources.store import Resources

    logs.set_up(logging.WARNING)
    opened = Jobs(of, Resources(of), registry.of(of), finished=lambda job: None, retire=lambda: None, scheduled=False)
    try:
        yield opened
    finally:
        opened.close()


def origin() -> "Origin":
    """Who asks, in the history."""
    from data_pipeline.jobs.job import COMMAND_LINE, Origin

    return Origin(request_id=uuid.uuid4().hex, who=COMMAND_LINE)
