"""A further directory of backups that was set up once and isn't there now, as one that isn't mounted."""

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from common.errors import ServiceUnavailable
from data_pipeline.storage.local.mark import MARK, DirectoryMark
from data_pipeline.storage.location import Location
from data_pipeline.storage.registry import Storages
from data_pipeline.storage.storage import Storage

USB = Location(("vector_bak",), "usb")
SET = "langchain_pg_collection_20250722_010318.csv"


class Disk:
    """A service with one further storage, which can be taken away and brought back."""

    def __init__(self, home: Path) -> None:
        self.root, self._away = home / "usb", home / "away"
        self._main = home / "main"

    def storage(self) -> Storage:
        """As a service finds it that has just started."""
        return Storages({"local": self._main, "usb": self.root}).of(USB)

    def unmount(self) -> None:
        """Another file system is where it was: an empty directory."""
        self.root.rename(self._away)
        self.root.mkdir()

    def mount(self) -> None:
        shutil.rmtree(self.root)
        self._away.rename(self.root)

    def hold_a_set(self) -> None:
        (self.root / "vector_bak").mkdir(parents=True, exist_ok=True)
        (self.root / "vector_bak" / SET).write_text("uuid,name,cmetadata\n")


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


def expect_away(storage: Storage) -> None:
    """However it is used."""
    uses = (
        storage.expect_writable,
        storage.names,
        lambda: storage.has_directory("task_1"),
        lambda: storage.files(USB),
        lambda: storage.file(USB, SET),
        lambda: storage.draft(USB, iter(["20260101_000000"])).__enter__(),
        storage.free_bytes,
    )
    for use in uses:
        with pytest.raises(ServiceUnavailable) as refused:
            use()
        assert "usb:" in refused.value.response
        assert MARK in refused.value.response


@pytest.mark.parametrize("gone", [True, False])
def test_a_directory_that_was_set_up_is_missed(disk: Disk, gone: bool) -> None:
    disk.storage().expect_writable()
    disk.hold_a_set()
    disk.unmount()
    if gone:
        disk.root.rmdir()
    expect_away(disk.storage())
    assert disk.root.exists() is not gone
    if not gone:
        assert list(disk.root.iterdir()) == []
        disk.mount()
        disk.storage().expect_writable()
        assert disk.storage().files(USB) == {SET}


def test_a_service_that_goes_on_running_misses_it_too(disk: Disk) -> None:
    storage = disk.storage()
    storage.expect_writable()
    disk.unmount()
    expect_away(storage)
    disk.mount()
    storage.expect_writable()


def test_a_first_backup_sets_it_up_and_a_mere_look_does_not(disk: Disk) -> None:
    storage = disk.storage()
    assert (storage.names(), storage.files(USB)) == ([], set())
    assert not disk.root.exists()
    with storage.draft(USB, iter(["20260101_000000"])):
        pass
    assert (disk.root / MARK).is_file()
    disk.unmount()
    expect_away(disk.storage())


def test_a_directory_of_sets_from_before_is_adopted_once(disk: Disk) -> None:
    disk.hold_a_set()
    assert disk.storage().files(USB) == {SET}
    assert not (disk.root / MARK).exists()
    disk.storage().expect_writable()
    assert (disk.root / MARK).is_file()
    disk.unmount()
    disk.hold_a_set()  # as an earlier version wrote it there in vain
    expect_away(disk.storage())


def test_another_directory_is_taken_by_its_mark_or_by_its_own_path(disk: Disk, tmp_path: Path) -> None:
    disk.storage().expect_writable()
    disk.unmount()
    (disk.root / MARK).touch()
    disk.storage().expect_writable()
    other = Storages({"local": tmp_path / "main", "usb": tmp_path / "other"}).of(USB)
    other.expect_writable()
    assert (tmp_path / "other" / MARK).is_file()


def test_what_is_marked_needs_no_main_storage_and_what_is_not_is_readable_without_it(
    disk: Disk, tmp_path: Path
) -> None:
    (tmp_path / "main").write_text("no directory")
    disk.hold_a_set()
    assert disk.storage().files(USB) == {SET}
    (disk.root / MARK).touch()
    disk.storage().expect_writable()
    assert disk.storage().files(USB) == {SET}


def test_the_main_storage_needs_no_mark(tmp_path: Path) -> None:
    main = Storages({"local": tmp_path / "main"}).main
    main.expect_writable()
    assert list((tmp_path / "main").iterdir()) == []
    shutil.rmtree(tmp_path / "main")
    main.expect_writable()


def test_a_file_of_it_goes_to_worker_processes(disk: Disk) -> None:
    disk.storage().expect_writable()
    disk.hold_a_set()
    file = pickle.loads(pickle.dumps(disk.storage().file(USB, SET)))
    assert file.read(0, 4) == b"uuid"


class Remembered:
    """That a directory has had its mark. A writer at the same time makes it just before it is asked for."""

    def __init__(self, root: Path | None) -> None:
        self._root = root

    def has(self) -> bool:
        if self._root:
            (self._root / MARK).touch()
        return True

    def put(self) -> None:
        """It is remembered already."""


@pytest.mark.parametrize("use", [DirectoryMark.expect, DirectoryMark.set])
def test_a_mark_that_another_writer_has_just_made_is_no_lost_one(
    tmp_path: Path, use: Callable[[DirectoryMark], None]
) -> None:
    use(DirectoryMark(tmp_path, "archive:", Remembered(tmp_path)))
    assert (tmp_path / MARK).exists()


@pytest.mark.parametrize("use", [DirectoryMark.expect, DirectoryMark.set])
def test_a_mark_that_was_there_and_is_not_is_a_disk_that_is_not_mounted(
    tmp_path: Path, use: Callable[[DirectoryMark], None]
) -> None:
    with pytest.raises(ServiceUnavailable):
        use(DirectoryMark(tmp_path, "archive:", Remembered(None)))
    assert list(tmp_path.iterdir()) == []
