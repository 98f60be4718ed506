"""What only a directory has: a new one lasts, a lock is the system's, a claim's file can be taken away."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.errors import ServiceUnavailable
from data_pipeline.storage.local import directory
from data_pipeline.storage.local.backend import DirectoryBackend
from data_pipeline.storage.location import Location
from tests.integration.places import DirectoryPlace, Place
from tests.integration.storages.conftest import Process, claim_of, data_files, files_of, write

STAMP, LATER = "20250722_010318", "20250722_010319"


@pytest.fixture
def place(output_dir: Path) -> Place:
    return DirectoryPlace(output_dir)


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were brought to the disk, in order."""
    found: list[str] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        found.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    return found


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files have no paths here")
def test_new_directories_are_brought_to_the_disk(tmp_path: Path, synced: list[str]) -> None:
    root = tmp_path / "new" / "root"
    for _ in range(2):
        with DirectoryBackend(root).folder(Location(("task_1", "vector_bak")), make=True):
            pass
    assert synced == [str(path) for path in (tmp_path, tmp_path / "new", root, root / "task_1")]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files have no paths here")
def test_a_manifest_reaches_the_disk_after_what_it_vouches_for(
    one: Process, output_dir: Path, synced: list[str]
) -> None:
    one.save(STAMP)
    where = output_dir / "vector_bak"
    data = [str(where / f".{name}.partial") for name in data_files(STAMP)]
    manifest = str(where / f".vector_backup_{STAMP}.json.partial")
    order = [path for path in synced if path in (*data, str(where), manifest)]
    assert order[:5] == [*data, str(where), manifest, str(where)]


def test_a_name_that_another_takes_meanwhile_is_not_replaced(one: Process, place: Place) -> None:
    def publish() -> None:
        with one.draft(STAMP) as draft:
            write(draft)
            place.write(data_files(STAMP)[1], b"theirs")
            draft.publish(b"{}")

    with pytest.raises(Exception, match="备份集已被其他进程写入"):
        publish()
    assert place.names() == {data_files(STAMP)[1]}
    assert place.read(data_files(STAMP)[1]) == b"theirs"


def test_a_writer_whose_claim_is_taken_away_publishes_nothing(one: Process, place: Place) -> None:
    def publish() -> None:
        with one.draft(STAMP) as draft:
            write(draft)
            place.remove(claim_of(STAMP))
            draft.publish(b"{}")

    with pytest.raises(ServiceUnavailable):
        publish()
    assert one.listed() == []


def test_the_first_error_of_a_backup_is_the_one_that_is_told(
    one: Process, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that its files can't be removed after it."""

    def refuse(*_arguments: Any, **_more: Any) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    def fail() -> None:
        with one.draft(STAMP) as draft:
            write(draft)
            raise RuntimeError("of the caller")

    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", refuse)
        with pytest.raises(RuntimeError, match="of the caller"):
            fail()
    assert one.listed() == []
    assert one.sweep() == [STAMP]
    assert place.names() == set()


def test_what_can_not_be_swept_keeps_no_backup_from_being_made(
    one: Process, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = os.unlink

    def refuse(path: Any, **more: Any) -> None:
        if STAMP in str(path):
            raise PermissionError(errno.EPERM, "Operation not permitted")
        unlink(path, **more)

    for name in (claim_of(STAMP), *data_files(STAMP)):
        place.write(name, b"")
    monkeypatch.setattr(os, "unlink", refuse)
    one.save(LATER)
    assert one.listed() == [LATER]


def test_a_set_that_may_only_be_read_is_locked_all_the_same(
    one: Process, process: Callable[[], Process], place: Place, output_dir: Path
) -> None:
    one.save(STAMP)
    before = {path.name: path.stat().st_mtime_ns for path in (output_dir / "vector_bak").iterdir()}
    with one.storage.locked(one.location, STAMP, data_files(STAMP)):
        assert {path.name: path.stat().st_mtime_ns for path in (output_dir / "vector_bak").iterdir()} == before
        with pytest.raises(Exception, match="备份集正在被使用"):
            process().catalog.delete(one.location, STAMP)
    assert place.names() == files_of(STAMP)


def test_a_claim_that_ends_between_a_sweep_opening_and_locking_it_is_not_abandoned(
    one: Process, process: Callable[[], Process], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The set has no manifest: what its writer has just published would go as left behind."""
    draft = one.draft(STAMP)
    written = draft.__enter__()
    write(written)
    lock, waiting = directory._lock, [True]

    def end_first(file: Any, *, exclusive: bool) -> None:
        if waiting:
            waiting.pop()
            written.publish(None)
            draft.__exit__(None, None, None)
        lock(file, exclusive=exclusive)

    monkeypatch.setattr(directory, "_lock", end_first)
    assert process().sweep() == []
    assert place.names() == set(data_files(STAMP))
