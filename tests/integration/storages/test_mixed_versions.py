"""Processes of earlier versions on the same storage: what they put there counts here, and ours counts there.

The names, the lease's content and which files are locked are a format like any other.
"""

import fcntl
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from common.errors import OperationInProgress
from tests.integration.places import DirectoryPlace, Place
from tests.integration.storages.conftest import Process, claim_of, data_files, files_of, manifest_of, write

STAMP, LATER = "20250722_010318", "20250722_010319"
LEASE = {"owner": f"{'0123abcd' * 4} 4711", "beat": 3}
HELD = f".vector_backup_{STAMP}.{'0' * 32}.hold"
REMOVED = f".vector_backup_{STAMP}.removal"


@contextmanager
def flocked(place: DirectoryPlace, names: list[str], kind: int) -> Iterator[None]:
    with ExitStack() as stack:
        for name in names:
            file = stack.enter_context(open(place.root / "vector_bak" / name, "rb"))
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        yield


@contextmanager
def leased(place: Place, name: str) -> Iterator[None]:
    place.write(name, json.dumps(LEASE).encode())
    yield
    place.remove(name)


def reader(place: Place) -> Any:
    """An earlier version's, of STAMP."""
    if isinstance(place, DirectoryPlace):
        return flocked(place, data_files(STAMP), fcntl.LOCK_SH)
    return leased(place, HELD)


def deleter(place: Place) -> Any:
    if isinstance(place, DirectoryPlace):
        return flocked(place, data_files(STAMP)[::-1], fcntl.LOCK_EX)
    return leased(place, REMOVED)


@contextmanager
def writer(place: Place) -> Iterator[None]:
    place.write(claim_of(STAMP), b"" if isinstance(place, DirectoryPlace) else json.dumps(LEASE).encode())
    held = flocked(place, [claim_of(STAMP)], fcntl.LOCK_EX) if isinstance(place, DirectoryPlace) else ExitStack()
    with held:
        yield


# Theirs counts here


def test_what_an_earlier_version_reads_is_not_deleted(one: Process, place: Place) -> None:
    one.save(STAMP)
    with reader(place):
        with pytest.raises(OperationInProgress):
            one.catalog.delete(one.location, STAMP)
        with one.storage.locked(one.location, STAMP, data_files(STAMP)):
            pass
    one.catalog.delete(one.location, STAMP)
    assert place.names() == set()


def test_what_an_earlier_version_deletes_is_not_read(one: Process, place: Place) -> None:
    one.save(STAMP)
    for exclusive in (False, True):
        with (
            deleter(place),
            pytest.raises(OperationInProgress),
            one.storage.locked(one.location, STAMP, data_files(STAMP), exclusive=exclusive),
        ):
            pass


def test_what_an_earlier_version_writes_is_neither_taken_nor_swept(one: Process, place: Place) -> None:
    with writer(place):
        with one.draft(STAMP, LATER) as draft:
            write(draft)
            draft.publish(b"{}")
        assert one.sweep() == []
        assert place.names() == {claim_of(STAMP), *files_of(LATER)}


def test_what_a_killed_earlier_version_left_is_swept(
    one: Process, place: Place, long_after: Callable[[], None]
) -> None:
    directory = isinstance(place, DirectoryPlace)
    with writer(place):
        for name in data_files(STAMP):
            place.write(f".{name}.partial" if directory else name, b"a")
    long_after()
    assert one.sweep() == [STAMP]
    assert place.names() == set()


# Ours counts there


def test_a_writer_is_seen_by_earlier_versions(one: Process, place: Place) -> None:
    with one.draft(STAMP) as draft:
        write(draft)
        if isinstance(place, DirectoryPlace):
            assert place.names() == {claim_of(STAMP), *(f".{name}.partial" for name in data_files(STAMP))}
            with pytest.raises(BlockingIOError), flocked(place, [claim_of(STAMP)], fcntl.LOCK_EX):
                pass
        else:
            assert place.names() == {claim_of(STAMP), *data_files(STAMP)}
            expect_lease(place, claim_of(STAMP))
        draft.publish(b"{}")
        assert place.names() == {claim_of(STAMP), manifest_of(STAMP), *data_files(STAMP)}


@pytest.mark.parametrize("exclusive", [False, True], ids=["reader", "deleter"])
def test_a_lock_is_seen_by_earlier_versions(one: Process, place: Place, exclusive: bool) -> None:
    one.save(STAMP)
    with one.storage.locked(one.location, STAMP, data_files(STAMP), exclusive=exclusive):
        if isinstance(place, DirectoryPlace):
            assert place.names() == files_of(STAMP)
            for name in data_files(STAMP):
                theirs = flocked(place, [name], fcntl.LOCK_SH if exclusive else fcntl.LOCK_EX)
                with pytest.raises(BlockingIOError), theirs:
                    pass
        else:
            (mark,) = place.names() - files_of(STAMP)
            ours = re.escape(REMOVED) if exclusive else rf"\.vector_backup_{STAMP}\.[0-9a-f]{{32}}\.hold"
            assert re.fullmatch(ours, mark)
            expect_lease(place, mark)


def expect_lease(place: Place, name: str) -> None:
    content = json.loads(place.read(name))
    assert list(content) == ["owner", "beat"]
    assert re.fullmatch(r"[0-9a-f]{32} \d+", content["owner"])
    assert isinstance(content["beat"], int)
