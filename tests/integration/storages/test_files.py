"""Files of a storage: written whole, read by range, listed with their sizes, deleted for good; on every backend."""

import pickle
import random
from collections.abc import Callable
from typing import Any

import pytest

from common.errors import InvalidBackup, NotFound, ServiceError
from data_pipeline.storage.location import Location
from tests.integration.places import Place
from tests.integration.storages.conftest import Process, data_files, files_of, manifest_of, write

STAMP, LATER = "20250722_010318", "20250722_010319"
DATA = random.Random(1).randbytes(5_000_000)
NAMES = [
    f"milvus_docs_{STAMP}.parquet",
    f"milvus_docs.part%20one_{STAMP}.parquet",
    f"pg_ragapp_{STAMP}.dump.zst",
    f"public.items_{STAMP}.csv.zst",
    f"public.%c3%84rger%2fx_{STAMP}.pgcopy",
    f"app.a-b~0123abcd_{STAMP}.csv",
    f"stack_voice_{STAMP}.tar",
    f"{'x' * 180}_{STAMP}.csv",
]
SIZES = [0, 1, 4096, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5_000_000]
RANGES = [(0, 0), (0, 1), (0, 5_000_000), (1, 4095), (2_345_678, 1_048_577), (4_999_999, 1), (4_999_999, 9), (9**9, 5)]


def put(one: Process, name: str, data: bytes) -> None:
    """A set with a further file, of any kind."""
    with one.draft(STAMP) as draft:
        write(draft)
        with draft.create(name) as file:
            file.write(data)
        draft.publish(b"{}")


# Reading


@pytest.mark.parametrize("size", SIZES)
def test_what_was_written_is_read_to_the_byte(one: Process, place: Place, size: int) -> None:
    put(one, NAMES[0], DATA[:size])
    assert place.read(NAMES[0]) == DATA[:size]
    file = one.storage.file(one.location, NAMES[0])
    assert (file.size, file.name, file.path) == (size, NAMES[0], one.location.file(NAMES[0]))
    assert file.read(0, size + 1) == DATA[:size]
    with file.open() as stream:
        assert b"".join(iter(lambda: stream.read(300_000), b"")) == DATA[:size]


def test_any_range_is_read(one: Process) -> None:
    put(one, NAMES[0], DATA)
    file = one.storage.file(one.location, NAMES[0])
    with file.open() as stream:
        for offset, length in RANGES:
            assert file.read(offset, length) == DATA[offset : offset + length]
            stream.seek(offset)
            assert stream.read(length) == DATA[offset : offset + length]


def test_a_worker_process_gets_its_ranges_and_no_credentials(one: Process) -> None:
    put(one, NAMES[0], DATA)
    with one.storage.file(one.location, NAMES[0]).ranges() as byte_range:
        for offset, length in [(0, 1 << 20), (1 << 20, 1 << 20), (4 << 20, 1 << 20)]:
            sent = pickle.dumps(byte_range(offset, length))
            assert pickle.loads(sent).read(offset, length) == DATA[offset : offset + length]
            assert b"AKIA" not in sent
            assert b"s3cret" not in sent


@pytest.mark.parametrize("name", NAMES)
def test_files_of_any_kind_and_name_are_kept(one: Process, place: Place, name: str) -> None:
    put(one, name, DATA[:70_000])
    assert name in place.names()
    assert name in one.storage.files(one.location)
    (listing,) = one.storage.listings([one.location])
    (status,) = listing.statuses([name])
    assert status is not None
    assert status.size == 70_000
    assert one.storage.listed_file(one.location, name, status).read(0, 70_000) == DATA[:70_000]
    assert one.storage.file(one.location, name).read(0, 70_000) == DATA[:70_000]
    one.storage.delete(one.location, [name])
    assert name not in place.names()


def change(place: Place, name: str) -> None:
    place.write(name, b"X" + place.read(name)[1:])


def replace(place: Place, name: str) -> None:
    data = place.read(name)
    place.remove(name)
    place.write(name, data[::-1])


def shorten(place: Place, name: str) -> None:
    place.write(name, place.read(name)[:-1])


@pytest.mark.parametrize("act", [change, replace, shorten])
def test_a_file_that_does_not_stay_the_one_that_was_found_is_not_read(one: Process, place: Place, act: Any) -> None:
    put(one, NAMES[0], DATA)
    file = one.storage.file(one.location, NAMES[0])
    act(place, NAMES[0])
    for read in (lambda: file.read(0, 10), lambda: read_whole(file)):
        with pytest.raises(InvalidBackup) as caught:
            read()
        assert caught.value.data["details"]["file"] == NAMES[0]


def test_nor_is_one_that_changes_while_it_is_read(one: Process, place: Place) -> None:
    put(one, NAMES[0], DATA)
    file = one.storage.file(one.location, NAMES[0])

    def read_and_change() -> None:
        with file.open() as stream:
            stream.read(10)
            change(place, NAMES[0])
            stream.seek(4_000_000)
            stream.read(10)

    with pytest.raises(InvalidBackup):
        read_and_change()


def read_whole(file: Any) -> None:
    with file.open() as stream:
        while stream.read(1 << 20):
            pass


def test_a_file_that_is_not_there_or_no_longer_is_not_found(one: Process, place: Place) -> None:
    with pytest.raises(NotFound):
        one.storage.file(one.location, NAMES[0])
    put(one, NAMES[0], DATA)
    file = one.storage.file(one.location, NAMES[0])
    place.remove(NAMES[0])
    for read in (lambda: file.read(0, 10), lambda: read_whole(file)):
        with pytest.raises(NotFound, match=NAMES[0]):
            read()


# Listing


def test_a_listing_has_the_files_of_its_location_and_no_others(one: Process, place: Place) -> None:
    for directory in ("vector_bak", "vector_bak_evil", "vector_bak/deeper", "task_1/vector_bak"):
        place.write(f"in {directory.replace('/', ' ')}", b"12345", directory)
    where = [Location(tuple(text.split("/"))) for text in ("vector_bak", "task_1/vector_bak", "task_2/vector_bak")]
    for locations in (where, where[:1], where[1:2], where[2:]):
        for location, listing in zip(locations, one.storage.listings(locations), strict=True):
            there = {f"in {' '.join(location.parts)}"} if location.parts[0] != "task_2" else set()
            assert listing.names == there == one.storage.files(location)
            found = listing.statuses([*sorted(there), "not there"] if there else [])
            assert [status and status.size for status in found] == [5, None][: 2 * len(there)]
    assert {"vector_bak", "vector_bak_evil", "task_1"} == set(one.storage.names())
    assert one.storage.unreadable(where) == []


def test_nothing_there_is_no_error(one: Process) -> None:
    assert (one.storage.files(one.location), one.sweep()) == (set(), [])
    assert one.storage.unreadable([one.location]) == []
    assert one.listed() == []


@pytest.mark.parametrize(("sets", "clients"), [(30, 16), pytest.param(100, 64, marks=pytest.mark.slow)])
def test_many_clients_list_many_sets_at_once(
    process: Callable[[], Process], place: Place, background: Any, sets: int, clients: int
) -> None:
    for number in range(sets):
        for name in data_files(f"20250722_0103{number:02}"):
            place.write(name, b"a\n")
    running = [background(one.listed) for one in [process() for _ in range(clients)]]
    assert {len(each.result()) for each in running} == {sets}


# Deleting


def test_what_is_deleted_is_gone_and_nothing_else(one: Process, place: Place) -> None:
    one.save(STAMP)
    one.save(LATER)
    one.storage.delete(one.location, [*data_files(STAMP), "never there", manifest_of(STAMP)])
    assert place.names() == files_of(LATER)


def test_a_deletion_that_stops_halfway_says_what_is_gone(
    one: Process, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.save(STAMP)
    backend = one.storage._backend
    with backend.folder(one.location) as opened:
        kind: Any = type(opened)
    delete = kind.delete

    def refuse_manifests(folder: Any, name: str) -> None:
        if name.endswith(".json"):
            raise ServiceError("refused")
        delete(folder, name)

    monkeypatch.setattr(kind, "delete", refuse_manifests)
    with pytest.raises(ServiceError) as caught:
        one.storage.delete(one.location, [*data_files(STAMP), manifest_of(STAMP)])
    assert caught.value.data["details"]["removed"] == data_files(STAMP)
    assert place.names() == {manifest_of(STAMP)}


# The log, and what a storage is asked before it is used


def test_the_log_keeps_every_line_of_every_process(process: Callable[[], Process], place: Place) -> None:
    writers = [process(), process()]
    writers[0].save(STAMP)
    for number in range(6):
        writer = writers[number % 2]
        writer.storage.log(writer.location, "vector_backup_log.txt", f"第 {number} 行")
    assert place.read("vector_backup_log.txt").decode() == "".join(f"第 {number} 行\n" for number in range(6))


def test_a_storage_that_takes_backups_says_so_and_keeps_nothing_of_the_question(one: Process, place: Place) -> None:
    before = place.names("")
    one.storage.expect_writable()
    assert place.names("") == before
    free = one.storage.free_bytes()
    assert free is None or free > 0
