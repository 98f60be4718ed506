"""A file is on the disk when it is finished, and no failed sync is forgotten."""

import errno
import os
from pathlib import Path

import pytest

from data_pipeline.vector import synced_file
from data_pipeline.vector.synced_file import SyncedFile


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The file's size at each fsync, done for real."""
    found: list[int] = []
    fsync = os.fsync

    def counted(descriptor: int) -> None:
        found.append(os.fstat(descriptor).st_size)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    monkeypatch.setattr(synced_file, "SYNC_BYTES", 1000)
    return found


def test_a_small_file_is_synced_once_with_all_its_bytes(tmp_path: Path, syncs: list[int]) -> None:
    with open(tmp_path / "f", "wb") as file, SyncedFile(file) as synced:
        synced.write(b"a" * 999)
        synced.finish()
        assert syncs == [999]


def test_a_large_file_is_synced_as_it_grows_and_at_its_end(tmp_path: Path, syncs: list[int]) -> None:
    with open(tmp_path / "f", "wb") as file, SyncedFile(file) as synced:
        for _ in range(50):
            synced.write(b"a" * 400)
        synced.finish()
        assert len(syncs) > 1
        assert syncs[-1] == 20_000
    assert (tmp_path / "f").read_bytes() == b"a" * 20_000


def test_a_sync_that_failed_in_the_middle_is_told_at_the_end(
    tmp_path: Path, syncs: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [OSError(errno.ENOSPC, "no space left")]
    fsync = os.fsync

    def fail_once(descriptor: int) -> None:
        if failures:
            raise failures.pop()
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fail_once)
    with open(tmp_path / "f", "wb") as file, SyncedFile(file) as synced:
        synced.write(b"a" * 1000)
        with pytest.raises(OSError, match="no space left"):
            synced.finish()
