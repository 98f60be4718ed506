"""A file is on the disk when it is finished, whichever way it goes there, and nothing that failed is forgotten."""

import errno
import fcntl
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from data_pipeline.storage.local import synced_file
from data_pipeline.storage.local.synced_file import BUFFER_BYTES, SyncedFile

SIZES = [0, 1, 4096, BUFFER_BYTES - 1, BUFFER_BYTES, BUFFER_BYTES + 1, 3 * BUFFER_BYTES, 5 * BUFFER_BYTES + 777]
Call = Callable[..., object]


def directly(descriptor: int) -> bool:
    return bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & synced_file.DIRECT)


@pytest.fixture
def cached(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that has no direct writes."""
    monkeypatch.setattr(synced_file, "DIRECT", 0)


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bool]]:
    """Size of each write, and whether it went past the cache."""
    found: list[tuple[int, bool]] = []
    write = os.write

    def counted(descriptor: int, data: bytes) -> int:
        found.append((len(data), directly(descriptor)))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", counted)
    return found


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The file's size at each fsync, done for real."""
    found: list[int] = []
    fsync = os.fsync

    def counted(descriptor: int) -> None:
        found.append(os.fstat(descriptor).st_size)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    monkeypatch.setattr(synced_file, "SYNC_BYTES", 2 * BUFFER_BYTES)
    return found


def instead_of(monkeypatch: pytest.MonkeyPatch, name: str, first: Call) -> None:
    """Let the first call of os.`name` be another one."""
    real, calls = getattr(os, name), [first]
    monkeypatch.setattr(os, name, lambda *arguments: (calls.pop() if calls else real)(*arguments))


def fail(code: int) -> Call:
    def raise_it(*_arguments: object) -> None:
        raise OSError(code, os.strerror(code))

    return raise_it


def write(path: Path, data: bytes, piece: int = 300_000) -> None:
    with open(path, "wb") as file, SyncedFile(file) as synced:
        for start in range(0, len(data), piece):
            synced.write(data[start : start + piece])
        synced.finish()


def expect_whole(path: Path, size: int) -> None:
    data = random.Random(size).randbytes(size)
    write(path, data)
    assert path.read_bytes() == data


@pytest.mark.parametrize("size", SIZES)
def test_every_byte_is_there(tmp_path: Path, size: int) -> None:
    expect_whole(tmp_path / "f", size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("cached")
def test_every_byte_is_there_without_direct_writes(tmp_path: Path, size: int) -> None:
    expect_whole(tmp_path / "f", size)


@pytest.mark.parametrize("size", [1, 4096, 1 << 20])
def test_pieces_of_any_size_are_joined(tmp_path: Path, size: int) -> None:
    write(tmp_path / "f", bytes(range(256)) * 5000, size)
    assert (tmp_path / "f").read_bytes() == bytes(range(256)) * 5000


def test_a_large_file_goes_past_the_cache_but_for_its_end(tmp_path: Path, writes: list[tuple[int, bool]]) -> None:
    try:
        os.close(os.open(tmp_path / "probe", os.O_WRONLY | os.O_CREAT | synced_file.DIRECT))
        possible = bool(synced_file.DIRECT)
    except OSError:  # not every file system can
        possible = False
    expect_whole(tmp_path / "f", 3 * BUFFER_BYTES + 100)
    assert writes == [(BUFFER_BYTES, possible)] * 3 + [(100, False)]


def test_a_small_file_is_written_and_synced_once(
    tmp_path: Path, syncs: list[int], writes: list[tuple[int, bool]]
) -> None:
    expect_whole(tmp_path / "f", 999)
    assert syncs == [999]
    assert writes == [(999, False)]


@pytest.mark.usefixtures("cached")
def test_through_the_cache_a_large_file_is_synced_as_it_grows_and_at_its_end(tmp_path: Path, syncs: list[int]) -> None:
    expect_whole(tmp_path / "f", 20 * BUFFER_BYTES)
    assert len(syncs) > 1
    assert syncs[-1] == 20 * BUFFER_BYTES


def test_a_file_system_that_refuses_direct_writes_gets_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instead_of(monkeypatch, "write", fail(errno.EINVAL))
    expect_whole(tmp_path / "f", 3 * BUFFER_BYTES + 5)


def test_one_that_has_none_is_written_to_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    control = fcntl.fcntl

    def refuse(descriptor: int, command: int, flags: int = 0) -> int:
        if command == fcntl.F_SETFL:
            raise OSError(errno.EINVAL, "no direct writes")
        return control(descriptor, command, flags)

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    expect_whole(tmp_path / "f", 3 * BUFFER_BYTES + 5)


def test_what_a_write_left_over_is_written_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    instead_of(monkeypatch, "write", lambda descriptor, data: real(descriptor, data[:4096]))
    expect_whole(tmp_path / "f", 3 * BUFFER_BYTES + 5)


@pytest.mark.parametrize("size", [1, BUFFER_BYTES, 4 * BUFFER_BYTES])
def test_a_write_that_failed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    instead_of(monkeypatch, "write", fail(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "f", bytes(size))


@pytest.mark.usefixtures("cached", "syncs")
def test_a_sync_that_failed_in_the_middle_is_told_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instead_of(monkeypatch, "fsync", fail(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "f", bytes(2 * BUFFER_BYTES))
