"""vector_backup_log.txt: a line for each backup that was tried, in the directory of its sets."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from common.errors import ServiceError
from common.messages import say
from common.result import now
from data_pipeline.engine import Engine
from data_pipeline.postgres.progress import Cancelled
from data_pipeline.storage.location import Location
from data_pipeline.storage.naming import LOG


class Saved(Protocol):
    """A file that was written."""

    @property
    def backup_file(self) -> str: ...

    @property
    def row_count(self) -> int: ...

    @property
    def file_size(self) -> str: ...


@contextmanager
def logged(
    engine: Engine, where: Location, saved: Callable[[], Iterable[Saved]], warn: Callable[[str], None]
) -> Iterator[None]:
    """Write the line of what happens inside, whether it worked or not. A line that can't be written is a warning.

    saved: the files that were, once it has worked.
    """
    try:
        yield
    except ServiceError as error:
        _write(engine, where, say("log_failed", error_type=error.error_type, reason=error.response))
        raise
    except Cancelled:
        _write(engine, where, say("log_cancelled"))
        raise
    files = tuple(say("log_file", file=one.backup_file, rows=one.row_count, size=one.file_size) for one in saved())
    if not _write(engine, where, say("log_backed_up", files=files)):
        warn(say("backup_log_unwritten", path=where.file(LOG)))


def _write(engine: Engine, where: Location, text: str) -> bool:
    """Add a line; whether it was written. What was done is done, and a failure stays the one it was."""
    try:
        engine.storages.of(where).log(where, LOG, f"{now()} {text}")
    except ServiceError:
        return False
    return True
