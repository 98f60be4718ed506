"""A PostgreSQL for one piece of work, in a directory of its own: both are gone when the work is over.

A process says that it uses a directory by a lock on a file beside it, which the system takes back from a process that
was killed: what that one has left behind is known by it, and swept.
"""

import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from fasteners import InterProcessLock

from data_pipeline.postgres.target import Target
from data_pipeline.postgres_server.address import Address
from data_pipeline.postgres_server.cluster import START_SECONDS, STOP_SECONDS, SUPERUSER, Cluster, EmbeddedServerError

PREFIX = "server-"
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

_ours: set[str] = set()
"""Names of the directories of this process: the system's locks don't tell its own threads apart."""
_mutex = threading.Lock()


@contextmanager
def server(directory: Path, source: str) -> Iterator[Target]:
    """A running server below `directory`, and its database as the superuser, called `source` in answers.

    Raises EmbeddedServerError or OSError.
    """
    sweep(directory)
    with _home(directory) as home:
        cluster = Cluster(home, SETTINGS)
        address = Address(cluster.data)
        try:
            cluster.create()
            cluster.start()
            yield Target(source, address.host, cluster.port, DATABASE, SUPERUSER, cluster.password)
        finally:
            address.close()


def sweep(directory: Path) -> list[str]:
    """Stop and remove the servers of processes that were killed; returns the names of their directories."""
    swept = []
    for mark in sorted(directory.glob(f"{PREFIX}*.lock")):
        with _mutex:
            lock = None if mark.stem in _ours else InterProcessLock(mark)
            with _turn(directory):
                if lock is None or not (mark.exists() and lock.acquire(blocking=False)):
                    continue
        try:
            _end_processes(directory / mark.stem)
            _remove(directory / mark.stem)
            swept.append(mark.stem)
        finally:
            lock.release()
    return swept


@contextmanager
def _home(directory: Path) -> Iterator[Path]:
    home = directory / f"{PREFIX}{secrets.token_hex(6)}"
    lock = InterProcessLock(_mark(home))
    with _mutex:
        directory.mkdir(parents=True, exist_ok=True)
        with _turn(directory):
            _ours.add(home.name)
            lock.acquire()
    try:
        home.mkdir()
        yield home
    finally:
        try:
            _remove(home)
        finally:
            lock.release()
            _ours.discard(home.name)


@contextmanager
def _turn(directory: Path) -> Iterator[None]:
    """While a mark is made or looked at: one that has no lock yet belongs to a process all the same."""
    turn = InterProcessLock(directory / "turn.lock")
    if not turn.acquire(timeout=START_SECONDS):
        raise EmbeddedServerError("another process has been looking through the directory for too long")
    try:
        yield
    finally:
        turn.release()


def _remove(home: Path) -> None:
    """What can't be removed now stays with its mark, for the next sweep."""
    if home.exists():
        with suppress(EmbeddedServerError, OSError):
            Cluster(home).abort()
        shutil.rmtree(home, ignore_errors=True)
    if not home.exists():
        _mark(home).unlink(missing_ok=True)


def _end_processes(home: Path) -> None:
    """What a killed process has started goes on without it: an initdb would make its files anew."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(Path(argument).is_relative_to(home) for argument in process.cmdline()):
                process.kill()
                process.wait(STOP_SECONDS)


def _mark(home: Path) -> Path:
    return home.with_name(f"{home.name}.lock")
