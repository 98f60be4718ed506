"""DrillOperation: a set found, restored into a scratch server, and compared with what came back."""

import errno
import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from common import memory
from common.errors import DatabaseError, NotFound, ServiceError, StorageFull
from common.messages import Message, say
from common.sizes import format_size
from data_pipeline.engine import Engine
from data_pipeline.operations import newest
from data_pipeline.operations.backup_sets import BackupSetManager, named
from data_pipeline.operations.drill import stores
from data_pipeline.operations.drill.drill import Drill
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.requests.drill import DrillRequest
from data_pipeline.operations.results.drill import Drilled
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.target import Defaults, Target
from data_pipeline.postgres_server import scratch
from data_pipeline.postgres_server.cluster import SUPERUSER, EmbeddedServerError
from data_pipeline.resolver import Databases
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.storage.location import Location

SOURCE = "drill"
EMPTY_SERVER = 128 << 20
"""Bytes of a server without rows, and of its log."""

GROWTH = 3
"""What a table and its indexes take, at most, as a multiple of its decompressed file: a vector stands in both, and text
is no smaller in a table than in CSV. The rows are staged once more to be compared."""

ANYWHERE = Target(SOURCE, "/", 5432, scratch.DATABASE, SUPERUSER)
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
            self._expect_room(found)
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
            self._expect_room(backup_set)
            started = time.monotonic()
            with self._server() as target:
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
    def _server(self) -> Iterator[Target]:
        directory = self._engine.settings.drill_directory
        try:
            with scratch.server(directory, SOURCE) as target:
                yield target
        except StorageFull as error:
            error.response = say("drill_disk_full")
            raise
        except (EmbeddedServerError, OSError) as error:
            if _is_full(error):
                raise StorageFull(say("drill_disk_full"), can_retry=True) from None
            log.error("%s", error)
            raise DatabaseError(
                say("drill_server_failed"),
                can_retry=True,
                details={"cause": "EMBEDDED_SERVER", "reason": say("embedded_server_failed")},
            ) from None

    def _expect_room(self, backup_set: BackupSet) -> None:
        """Raise StorageFull where the rows would not fit: a full disk is other people's, too."""
        directory = self._engine.settings.drill_directory
        there = next(path for path in (directory, *directory.parents) if path.exists())
        free = shutil.disk_usage(there).free
        needed = EMPTY_SERVER + GROWTH * backup_set.raw_bytes
        if needed > free:
            raise StorageFull(
                say("drill_needs_room", needed=format_size(needed), free=format_size(free)),
                can_retry=True,
                details={"needed_bytes": needed, "free_bytes": free},
            )


def _is_full(error: Exception) -> bool:
    return (isinstance(error, OSError) and error.errno == errno.ENOSPC) or "No space left" in str(error)


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
