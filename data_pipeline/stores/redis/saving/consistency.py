"""Of which moment a backup is: a replica's that was cut off, that of writers who wait, or of none."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import psutil

from common.errors import LockTimeout, OperationTimeout, ServiceError, StorageFull, StoreUnsupported
from common.messages import Message, say
from common.sizes import format_size
from data_pipeline.postgres.progress import Progress
from data_pipeline.stores.redis.link import server
from data_pipeline.stores.redis.link.server import Server
from data_pipeline.stores.redis.link.wire import Wire, connect
from data_pipeline.stores.redis.saving import scratch_server
from data_pipeline.stores.redis.saving.scratch_server import Scratch
from data_pipeline.stores.target import StoreTarget

Consistency = Literal["snapshot", "paused", "live"]

PAUSE_MS = 10_000
"""How long writers wait at most once this process is gone."""
RENEW_SECONDS = 2.0
STALLED_SECONDS = 60.0
"""A copy that gets no further for so long never will."""

# What a replica's log says, and why there is no snapshot then.
REASONS: tuple[tuple[tuple[str, ...], Message], ...] = (
    (("Can't handle RDB format version", "Wrong signature"), say("redis_snapshot_newer_source")),
    (("NOPERM", "NOAUTH", "Unable to AUTH", "WRONGPASS", "no permissions"), say("redis_snapshot_denied")),
    (("unknown command", "-ERR"), say("redis_snapshot_refused")),
)


@dataclass
class Ground:
    """What is read. still: nothing changes in it meanwhile. moment: what the copy is of; of live data its beginning.
    paused_seconds: how long writers waited, once that is over. expect_held: raises ServiceError if they don't wait any
    more."""

    wire: Wire
    still: bool
    moment: datetime
    paused_seconds: float | None = None
    expect_held: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Means:
    """How a source is reached, and what a scratch server is made of. Seconds: to connect, and for writers to wait."""

    directory: Path
    program: Path | None
    connect_seconds: float
    pause_seconds: float


def ground(
    kind: Consistency, target: StoreTarget, source: Server, means: Means, progress: Progress
) -> AbstractContextManager[Ground]:
    """Raises ServiceError; StoreUnsupported where the server, or this machine, can't do it."""
    if kind == "snapshot":
        return _snapshot(target, source, means, progress)
    return _paused(target, source, means) if kind == "paused" else _live(target, means)


@contextmanager
def _live(target: StoreTarget, means: Means) -> Iterator[Ground]:
    with closing(connect(target, means.connect_seconds)) as wire:
        yield Ground(wire, still=False, moment=_now())


@contextmanager
def _snapshot(target: StoreTarget, source: Server, means: Means, progress: Progress) -> Iterator[Ground]:
    """Replication copies one moment and what follows it; the replica that is cut off stands still at the last."""
    _expect_memory(source)
    more = scratch_server.replica_of(target)
    databases = max(source.databases, server.DATABASES)
    with (
        scratch_server.server(means.directory, means.program, databases, more, progress) as scratch,
        closing(scratch.connect()) as wire,
    ):
        _follow(wire, scratch, progress)
        wire.call("REPLICAOF", "NO", "ONE")
        yield Ground(wire, still=True, moment=_now())


def _expect_memory(source: Server) -> None:
    needed, free = int(source.info.get("used_memory_dataset", 0)), psutil.virtual_memory().available
    if needed > free:
        text = say("redis_snapshot_needs_memory", needed=format_size(needed), free=format_size(free))
        raise StorageFull(text, can_retry=True, details={"needed_bytes": needed, "free_bytes": free})


def _follow(wire: Wire, scratch: Scratch, progress: Progress) -> None:
    """Wait until the replica has all of it. Raises StoreUnsupported with the reason where it never will."""
    last: tuple[str, ...] = ()
    deadline = time.monotonic() + STALLED_SECONDS
    while True:
        progress.expect_wanted()
        info = server.information(wire)
        if info.get("master_link_status") == "up" and info.get("loading", "0") == "0":
            return
        for words, reason in REASONS:
            if scratch.said(*words):
                raise _no_snapshot(reason)
        got = tuple(info.get(name, "") for name in ("master_sync_read_bytes", "loading_loaded_bytes"))
        if got != last:
            last, deadline = got, time.monotonic() + STALLED_SECONDS
        if time.monotonic() > deadline:
            raise _no_snapshot(say("redis_snapshot_stalled"))
        time.sleep(scratch_server.POLL_SECONDS)


def _no_snapshot(reason: Message) -> StoreUnsupported:
    return StoreUnsupported(say("redis_no_snapshot", reason=reason), can_retry=False, details={"reason": reason})


@contextmanager
def _paused(target: StoreTarget, source: Server, means: Means) -> Iterator[Ground]:
    if source.is_replica:  # its primary's writes go on
        raise StoreUnsupported(say("redis_replica_not_paused"), can_retry=False, details={"reason": "replica"})
    with closing(connect(target, means.connect_seconds)) as wire:
        pause = Pause(target, means)
        ground = Ground(wire, still=True, moment=_now(), expect_held=pause.expect_held)
        try:
            pause.begin()
            yield ground
            pause.expect_held()
        finally:
            ground.paused_seconds = pause.end()


class Pause:
    """Writers of a server wait, from begin() to end(), or until this process is gone for PAUSE_MS.

    It is asked for again and again, by a connection of its own: a command that reads may take longer than a pause.
    """

    def __init__(self, target: StoreTarget, means: Means) -> None:
        self._wire = connect(target, means.connect_seconds)
        self._limit = means.pause_seconds
        self._over = threading.Event()
        self._renewing = threading.Thread(target=self._renew, name="redis-pause", daemon=True)
        self._began = self._renewed = 0.0
        self._changes = 0
        self._turn = threading.Lock()
        """The connection is one conversation."""

    def begin(self) -> None:
        self._began = time.monotonic()
        self._ask()
        self._changes = self._changed()
        self._renewing.start()

    def expect_held(self) -> None:
        """Raise OperationTimeout, or LockTimeout if something was written all the same."""
        if time.monotonic() - self._began > self._limit:
            raise OperationTimeout(say("redis_pause_too_long", seconds=int(self._limit)), can_retry=True)
        lapsed = time.monotonic() - self._renewed > PAUSE_MS / 1000
        if lapsed or self._changed() > self._changes:
            raise LockTimeout(say("redis_pause_lost"), can_retry=True)

    def end(self) -> float:
        """Seconds that writers have waited."""
        self._over.set()
        if self._renewing.is_alive():
            self._renewing.join()
        with suppress(ServiceError):
            self._wire.call("CLIENT", "UNPAUSE")
        self._wire.close()
        return round(time.monotonic() - self._began, 3) if self._began else 0.0

    def _ask(self) -> None:
        self._wire.call("CLIENT", "PAUSE", PAUSE_MS, "WRITE")
        self._renewed = time.monotonic()

    def _renew(self) -> None:
        while not self._over.wait(RENEW_SECONDS) and time.monotonic() - self._began < self._limit:
            with self._turn, suppress(ServiceError):
                self._ask()

    def _changed(self) -> int:
        """Writes since the last save to disk; a save meanwhile only makes it less."""
        with self._turn:
            return int(server.information(self._wire).get("rdb_changes_since_last_save", 0))


def _now() -> datetime:
    return datetime.now().astimezone()
