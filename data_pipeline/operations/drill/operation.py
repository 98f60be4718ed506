"""DrillOperation: a set found, restored into a scratch server, and compared with what came back."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from common import memory
from common.errors import NotFound, ServiceError
from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations import newest
from data_pipeline.operations.backup_sets import BackupSetManager, named
from data_pipeline.operations.drill import scratch_database, stores
from data_pipeline.operations.drill.drill import Drill
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.requests.drill import DrillRequest
from data_pipeline.operations.results.drill import Drilled
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.target import Defaults, Target
from data_pipeline.postgres_server import scratch
from data_pipeline.postgres_server.cluster import SUPERUSER
from data_pipeline.resolver import Databases
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.storage.location import Location

ANYWHERE = Target(scratch_database.SOURCE, "/", 5432, scratch.DATABASE, SUPERUSER)
"""A scratch server as jobs know it before there is one: drills of one queue run one after the other."""

log = logging.getLogger(__name__)


class DrillOperation(Operation[DrillRequest]):
    """Proves a set. Nothing that is kept is touched, but the directory of scratch servers while it runs."""

    request: type[DrillRequest] = DrillRequest
    bug: Message = say("drill_failed")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sets = BackupSetManager(engine)

    def target(self, request: DrillRequest) -> Target:
        return ANYWHERE

    def expect_possible(self, request: DrillRequest) -> Target:
        where, timestamp = self._named(request)
        found = self._engine.catalog.find_any(where, timestamp)
        if isinstance(found, HeldSet):
            stores.drill_of(self._engine, found).expect_possible()
        else:
            scratch_database.expect_room(self._engine, found.raw_bytes)
        return ANYWHERE

    def run(self, request: DrillRequest, progress: Progress = SILENT) -> Drilled:
        where, timestamp = self._named(request)
        with (
            memory.returned(),
            _about(where, timestamp),
            self._engine.catalog.locked_any(where, timestamp) as backup_set,
        ):
            if isinstance(backup_set, HeldSet):
                return stores.drill_of(self._engine, backup_set).run(progress)
            scratch_database.expect_room(self._engine, backup_set.raw_bytes)
            started = time.monotonic()
            with scratch_database.server(self._engine) as target:
                drill = Drill(self._on(target), backup_set, started)
                return drill.run(progress)

    def _named(self, request: DrillRequest) -> tuple[Location, str]:
        stamp = request.timestamp
        where = self._sets.place(request.location, stamp or newest.FUTURE, request.storage)
        return where, stamp or newest.whole(self._engine.catalog, where, request.layout).timestamp

    def _on(self, target: Target) -> Engine:
        """An engine whose one database is the scratch server's."""
        directory = self._engine.settings.embedded_data_dir
        return replace(self._engine, databases=Databases(target, directory, frozenset(), {}, Defaults()))


@contextmanager
def _about(where: Location, timestamp: str) -> Iterator[None]:
    """Let a failure say which set it was about: that is what isn't proven."""
    try:
        yield
    except NotFound:
        raise
    except ServiceError as error:
        error.data.setdefault("backup_info", named(where, timestamp).data())
        raise
