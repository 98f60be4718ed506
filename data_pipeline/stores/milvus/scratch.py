"""A milvus-lite for one piece of work, in a directory of its own: both are gone when the work is over."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common import scratch_directory
from data_pipeline.stores.milvus import lite
from data_pipeline.stores.target import StoreTarget


@contextmanager
def server(directory: Path) -> Iterator[StoreTarget]:
    """A running one below `directory`; what a killed process has left there is ended and removed first. Raises
    DatabaseError, ExtraMissing."""
    lite.expect_installed()
    try:
        scratch_directory.sweep(directory)
        with scratch_directory.own(directory) as home:
            process, port = lite.launch(home / "data", home / "log")
            try:
                yield StoreTarget("scratch", "milvus", "milvus+http", lite.LOOPBACK, port, source="drill")
            finally:
                process.kill()
                process.wait()
    except OSError:
        raise lite.failed() from None
