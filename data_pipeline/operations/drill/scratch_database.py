"""A PostgreSQL for one drill, and whether there is room for it."""

import errno
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from common.errors import DatabaseError, StorageFull
from common.messages import say
from common.sizes import format_size
from data_pipeline.engine import Engine
from data_pipeline.postgres.target import Target
from data_pipeline.postgres_server import scratch
from data_pipeline.postgres_server.cluster import EmbeddedServerError

SOURCE = "drill"
EMPTY_SERVER = 128 << 20
"""Bytes of a server without rows, and of its log."""

GROWTH = 3
"""What a table and its indexes take, at most, as a multiple of its decompressed file: a vector stands in both, and text
is no smaller in a table than in CSV. The rows are staged once more to be compared."""

log = logging.getLogger(__name__)


@contextmanager
def server(engine: Engine) -> Iterator[Target]:
    """A running one, as its superuser. Raises StorageFull, DatabaseError."""
    try:
        with scratch.server(engine.settings.drill_directory, SOURCE) as target:
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


def expect_room(engine: Engine, size: int) -> None:
    """Raise StorageFull where rows of so many bytes would not fit: a full disk is other people's, too."""
    directory = engine.settings.drill_directory
    there = next(path for path in (directory, *directory.parents) if path.exists())
    free = shutil.disk_usage(there).free
    needed = EMPTY_SERVER + GROWTH * size
    if needed > free:
        raise StorageFull(
            say("drill_needs_room", needed=format_size(needed), free=format_size(free)),
            can_retry=True,
            details={"needed_bytes": needed, "free_bytes": free},
        )


def _is_full(error: Exception) -> bool:
    return (isinstance(error, OSError) and error.errno == errno.ENOSPC) or "No space left" in str(error)
