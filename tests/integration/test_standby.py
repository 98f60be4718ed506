"""A hot standby whose replay is in the way of a query: told as that, not as a lock of another session."""

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from common.errors import LockTimeout, ServiceError
from data_pipeline.postgres.connection import transaction
from data_pipeline.postgres.link.wire import Timeouts
from data_pipeline.postgres.target import Target
from data_pipeline.postgres_server import cluster
from data_pipeline.postgres_server.cluster import Cluster

TIMEOUTS = Timeouts(5, 5, 60, 60, 1000)
PRIMARY = "\nfsync = off\nwal_level = replica\nmax_wal_senders = 4\nautovacuum = off\n"
STANDBY = "\nhot_standby = on\nmax_standby_streaming_delay = 0\nhot_standby_feedback = off\n"


class Pair:
    """A primary, and a standby that follows it, both on sockets in their data directories."""

    def __init__(self, home: Path) -> None:
        self.primary, self.standby = Cluster(home / "primary"), Cluster(home / "standby")

    def start(self) -> None:
        self.primary.create()
        self._configure(self.primary, PRIMARY)
        self.primary.start()
        with self.on_primary() as cursor:
            cursor.execute("CREATE TABLE items AS SELECT n FROM generate_series(1, 1000) n")
        self.standby.home.mkdir()
        self.standby.home.chmod(0o755)
        shutil.copy2(self.primary.home / "password", self.standby.home / "password")
        given = (self.primary.home / "password").stat()
        shutil.chown(self.standby.home / "password", given.st_uid, given.st_gid)
        shutil.chown(self.standby.home, given.st_uid, given.st_gid)
        self._base_backup(given.st_uid, given.st_gid)
        self._configure(self.standby, STANDBY)
        self.standby.start()

    def stop(self) -> None:
        for one in (self.standby, self.primary):
            one.stop()

    @contextmanager
    def on_primary(self) -> Iterator[Any]:
        parameters = target(self.primary).parameters()
        with closing(psycopg2.connect(**parameters)) as connection:
            connection.autocommit = True
            yield connection.cursor()

    def _base_backup(self, user: int, group: int) -> None:
        program = cluster.binaries() / "pg_basebackup"
        place = ["-h", str(self.primary.data), "-p", str(self.primary.port), "-U", cluster.SUPERUSER]
        root: dict[str, Any] = {"user": user, "group": group, "extra_groups": []} if cluster._is_root() else {}
        subprocess.run(
            [str(program), "-R", "-c", "fast", "-X", "stream", "-D", str(self.standby.data), *place], check=True, **root
        )

    def _configure(self, one: Cluster, more: str) -> None:
        with open(one.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(more)


def target(one: Cluster) -> Target:
    return Target("config", str(one.data), one.port, "postgres", cluster.SUPERUSER, one.password)


@pytest.fixture
def pair() -> Iterator[Pair]:
    home = Path(tempfile.mkdtemp(prefix="pg-pair-"))
    found = Pair(home)
    try:
        found.start()
        yield found
    finally:
        found.stop()
        shutil.rmtree(home)


def test_a_conflict_with_recovery_names_the_setting_that_helps(pair: Pair) -> None:
    caught: list[ServiceError] = []
    reading = threading.Event()

    def read() -> None:
        try:
            with transaction(target(pair.standby), TIMEOUTS, snapshot=True, read_only=True) as session:
                session.cursor.execute("SELECT count(*) FROM public.items")
                reading.set()
                session.cursor.execute("SELECT pg_sleep(60)")
        except ServiceError as error:
            caught.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    assert reading.wait(60), caught
    with pair.on_primary() as cursor:
        while reader.is_alive():  # each round takes away rows that the reader's snapshot still has
            cursor.execute("UPDATE items SET n = n + 1")
            cursor.execute("VACUUM items")
            reader.join(0.2)
    (error,) = caught
    assert isinstance(error, LockTimeout)
    assert "hot_standby_feedback" in error.response
    assert error.data == {"can_retry": True, "details": {"cause": "RECOVERY_CONFLICT"}}
