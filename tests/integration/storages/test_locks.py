"""Readers and deleters of one set, in any number of processes: never both at once."""

import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from common.errors import OperationInProgress
from tests.integration.places import Place
from tests.integration.storages.conftest import Process, data_files, files_of

STAMP, LATER = "20250722_010318", "20250722_010319"


def locked(one: Process, stamp: str = STAMP, *, exclusive: bool = False) -> Any:
    return one.storage.locked(one.location, stamp, data_files(stamp), exclusive=exclusive)


@pytest.fixture
def two(process: Callable[[], Process]) -> tuple[Process, Process]:
    """Two processes, and two sets."""
    first, second = process(), process()
    first.save(STAMP)
    first.save(LATER)
    return first, second


def test_many_read_a_set_at_once_and_leave_nothing(two: tuple[Process, Process], place: Place) -> None:
    with ExitStack() as stack:
        for one in two * 2:
            stack.enter_context(locked(one))
        assert sorted(two[1].listed()) == [STAMP, LATER]
    assert place.names() == files_of(STAMP) | files_of(LATER)


def test_a_set_that_is_read_is_not_deleted_and_any_other_is(two: tuple[Process, Process], place: Place) -> None:
    first, second = two
    with locked(first):
        for one in two:
            with pytest.raises(OperationInProgress) as caught:
                one.catalog.delete(one.location, STAMP)
            assert caught.value.data["can_retry"] is True
        second.catalog.delete(second.location, LATER)
    second.catalog.delete(second.location, STAMP)
    assert place.names() == set()


def test_a_set_that_is_deleted_is_neither_read_nor_deleted(two: tuple[Process, Process]) -> None:
    first, second = two
    with locked(first, exclusive=True):
        for one in two:
            for exclusive in (False, True):
                with pytest.raises(OperationInProgress), locked(one, exclusive=exclusive):
                    pass
            with locked(one, LATER):
                pass
    with locked(second, exclusive=True):
        pass


def test_an_error_ends_a_lock(two: tuple[Process, Process]) -> None:
    first, second = two
    for exclusive in (False, True):
        with pytest.raises(RuntimeError), locked(first, exclusive=exclusive):
            raise RuntimeError
        with locked(second, exclusive=True):
            pass


HOLDER = """
import sys
from data_pipeline.engine import Engine
from data_pipeline.settings import Settings
url, stamp, exclusive = sys.argv[1:]
engine = Engine.build(Settings.load({"OUTPUT_DIRECTORY": url}))
names = [f"langchain_pg_{table}_{stamp}.csv" for table in ("collection", "embedding")]
with engine.storages.main.locked(engine.catalog.location(None), stamp, names, exclusive=bool(exclusive)):
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hold(place: Place, start_script: Any) -> Callable[[bool], "subprocess.Popen[str]"]:
    """A process that has a lock until it is killed."""
    return lambda exclusive: start_script(HOLDER, place.url, STAMP, "1" if exclusive else "")


@pytest.mark.parametrize("exclusive", [False, True], ids=["reader", "deleter"])
def test_the_lock_of_a_killed_process_ends_and_is_swept(
    two: tuple[Process, Process], place: Place, hold: Any, long_after: Callable[[], None], exclusive: bool
) -> None:
    first, _ = two
    holder = hold(exclusive)
    with pytest.raises(OperationInProgress), locked(first, exclusive=True):
        pass
    holder.kill()
    holder.wait(60)
    long_after()
    first.sweep()
    assert place.names() == files_of(STAMP) | files_of(LATER)
    with locked(first, exclusive=True):
        pass
