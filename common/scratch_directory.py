"""Directories for one piece of work: gone when it is over, with every process that was started on their files.

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

PREFIX = "server-"
TURN_SECONDS = 300
END_SECONDS = 60

_ours: set[str] = set()
"""Names of the directories of this process: the system's locks don't tell its own threads apart."""
_mutex = threading.Lock()


@contextmanager
def own(directory: Path) -> Iterator[Path]:
    """A new directory below `directory`. Raises OSError, TimeoutError."""
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


def sweep(directory: Path) -> list[str]:
    """End the processes and remove the directories of processes that were killed; returns their names."""
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
def _turn(directory: Path) -> Iterator[None]:
    """While a mark is made or looked at: one that has no lock yet belongs to a process all the same."""
    turn = InterProcessLock(directory / "turn.lock")
    if not turn.acquire(timeout=TURN_SECONDS):
        raise TimeoutError("another process has been looking through the directory for too long")
    try:
        yield
    finally:
        turn.release()


def _remove(home: Path) -> None:
    """What can't be removed now stays with its mark, for the next sweep."""
    shutil.rmtree(home, ignore_errors=True)
    if not home.exists():
        _mark(home).unlink(missing_ok=True)


def _end_processes(home: Path) -> None:
    """What a killed process has started goes on without it: an initdb would make its files anew."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(Path(argument).is_relative_to(home) for argument in process.cmdline()):
                process.kill()
                process.wait(END_SECONDS)


def _mark(home: Path) -> Path:
    return home.with_name(f"{home.name}.lock")
