"""A PostgreSQL for one piece of work, in a directory of its own: both are gone when the work is over."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from common import scratch_directory
from data_pipeline.postgres.target import Target
from data_pipeline.postgres_server.address import Address
from data_pipeline.postgres_server.cluster import SUPERUSER, Cluster, EmbeddedServerError

DATABASE = "postgres"

# Nothing in it has to survive a crash.
SETTINGS = {
    "shared_buffers": "128MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "1GB",
    "wal_level": "minimal",  # a table that was made in the same transaction is loaded without WAL
    "max_wal_senders": "0",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
}


@contextmanager
def server(directory: Path, source: str) -> Iterator[Target]:
    """A running server below `directory`, and its database as the superuser, called `source` in answers.

    Raises EmbeddedServerError or OSError, which a TimeoutError is.
    """
    scratch_directory.sweep(directory)
    with scratch_directory.own(directory) as home:
        cluster = Cluster(home, SETTINGS)
        address = Address(cluster.data)
        try:
            cluster.create()
            cluster.start()
            yield Target(source, address.host, cluster.port, DATABASE, SUPERUSER, cluster.password)
        finally:
            address.close()
            with suppress(EmbeddedServerError, OSError):
                cluster.abort()
