"""Sets while they are written: one writer a timestamp, and nothing of a set is seen, or left, that is not whole."""

import itertools
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from common.errors import BackupExists, InternalError, ServiceError, ServiceUnavailable
from data_pipeline.storage.naming import manifest_name
from tests.integration.places import Place
from tests.integration.storages.conftest import (
    Process,
    claim_of,
    data_files,
    files_of,
    manifest_of,
    write,
)

STAMP, LATER, LAST = "20250722_010318", "20250722_010319", "20250722_010320"
MANIFESTS = [b"{}", None]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=["manifest", "without"])
def test_a_set_is_seen_when_it_is_whole_and_not_before(
    process: Callable[[], Process], place: Place, manifest: bytes | None
) -> None:
    writer, reader = process(), process()
    with writer.draft(STAMP) as draft:
        assert reader.listed() == []
        write(draft)
        assert reader.listed() == []
        assert draft.file(data_files(STAMP)[0]).read(0, 9) == b"a\n"
        assert draft.file(data_files(STAMP)[0]).path == writer.location.file(data_files(STAMP)[0])
        draft.publish(manifest)
        assert reader.listed() == ([STAMP] if manifest else [])
    assert reader.listed() == [STAMP]
    assert place.names() == files_of(STAMP) - (set() if manifest else {manifest_name(STAMP)})


def test_what_is_not_published_is_gone(one: Process, place: Place) -> None:
    one.save(LATER)
    with one.draft(STAMP) as draft:
        write(draft)
    assert place.names() == files_of(LATER)


def test_an_error_while_a_file_is_written_leaves_nothing_of_it(one: Process, place: Place) -> None:
    def fail() -> None:
        with one.draft(STAMP) as draft, draft.create(data_files(STAMP)[0]) as file:
            file.write(bytes(3 << 20))
            raise RuntimeError("of the caller")

    with pytest.raises(RuntimeError, match="of the caller"):
        fail()
    assert place.names() == set()


# One writer a timestamp


def test_a_timestamp_that_is_taken_makes_way_for_the_next(process: Callable[[], Process], place: Place) -> None:
    first, second = process(), process()
    with first.draft(STAMP), second.draft(STAMP, LATER) as draft:
        assert draft.timestamp == LATER
        write(draft)
        draft.publish(b"{}")
    with second.draft(STAMP, LATER) as draft:
        assert draft.timestamp == STAMP
    with pytest.raises(BackupExists), second.draft(LATER):
        pass
    assert place.names() == files_of(LATER)


@pytest.mark.parametrize(
    "name", [*sorted(files_of(STAMP)), f"langchain_pg_embedding_{STAMP}.pgcopy", f".{data_files(STAMP)[0]}.partial"]
)
def test_a_timestamp_of_which_any_file_is_there_is_taken(one: Process, place: Place, name: str) -> None:
    place.write(name, b"theirs")
    with one.draft(STAMP, LATER) as draft:
        assert draft.timestamp == LATER
    assert place.names() == {name}
    assert place.read(name) == b"theirs"


@pytest.mark.parametrize("each", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_backups_at_once_are_sets_of_their_own(
    process: Callable[[], Process], place: Place, background: Any, each: int
) -> None:
    """All begin with the same second, so many in each of five processes."""
    stamps = [f"20250722_0103{number:02}" for number in range(60)]
    begin = threading.Barrier(5 * each)

    def save(one: Process) -> None:
        begin.wait(60)
        with one.draft(*stamps) as draft:
            write(draft, draft.timestamp.encode())
            draft.publish(b"{}")

    processes = [process() for _ in range(5)]
    for running in [background(lambda one=one: save(one)) for one in processes * each]:
        running.result()
    listed = processes[0].listed()
    assert len(listed) == len(set(listed)) == 5 * each
    for stamp in listed:
        assert place.read(data_files(stamp)[0]) == stamp.encode()
    assert place.names() == set().union(*map(files_of, listed))


# No file of another writer is replaced or removed


def test_a_manifest_that_another_has_put_there_meanwhile_stays(one: Process, place: Place) -> None:
    def publish() -> None:
        with one.draft(STAMP) as draft:
            write(draft)
            place.write(manifest_of(STAMP), b"theirs")
            draft.publish(b"{}")

    with pytest.raises(InternalError):
        publish()
    assert place.names() == {manifest_of(STAMP)}
    assert place.read(manifest_of(STAMP)) == b"theirs"


def test_only_what_a_killed_writer_left_is_swept(one: Process, place: Place, long_after: Callable[[], None]) -> None:
    theirs = {
        ".hidden",
        f".{data_files(LATER)[0]}.partial",
        f"{data_files(STAMP)[0]}.bak",
        f"notes_{STAMP}.csv",
        f"{claim_of(STAMP)}.txt",
        ".vector_backup_today.claim",
        data_files(LATER)[1],
        "vector_backup_log.txt",
    }
    for name in theirs | set(data_files(STAMP)) | {claim_of(STAMP)}:
        place.write(name, b"x")
    one.save(LAST)
    assert set(data_files(STAMP)) <= place.names() or place.names() == theirs | files_of(LAST)
    long_after()
    one.sweep()
    assert place.names() == theirs | files_of(LAST)


# Writers that die


WRITER = """
import sys
from data_pipeline.engine import Engine
from data_pipeline.settings import Settings
url, stamp, moment = sys.argv[1:]
engine = Engine.build(Settings.load({"OUTPUT_DIRECTORY": url}))
with engine.storages.main.draft(engine.catalog.location(None), iter([stamp])) as draft:
    names = [f"langchain_pg_{table}_{stamp}.csv" for table in ("collection", "embedding")]
    for name in names[: {"claimed": 0, "one file": 1}.get(moment, 2)]:
        with draft.create(name) as file:
            file.write(b"a\\n")
    if moment == "writing":
        file = draft.create(f"langchain_pg_collection_{stamp}.pgcopy")
        file.__enter__().write(bytes(20 << 20))
    if moment == "published":
        draft.publish(b"{}")
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def start_writer(place: Place, start_script: Any) -> Callable[[str], "subprocess.Popen[str]"]:
    """A process that has got so far with a backup; it goes on when its standard input ends."""
    return lambda moment: start_script(WRITER, place.url, STAMP, moment)


@pytest.mark.parametrize("moment", ["claimed", "one file", "both files", "writing"])
def test_a_killed_writer_leaves_nothing_that_is_listed_and_is_swept(
    one: Process, place: Place, start_writer: Any, long_after: Callable[[], None], moment: str
) -> None:
    writer = start_writer(moment)
    assert one.sweep() == []  # it is alive
    assert claim_of(STAMP) in place.names()
    writer.kill()
    writer.wait(60)
    assert one.listed() == []
    long_after()
    assert one.sweep() == [STAMP]
    assert place.names() == set()
    one.save(STAMP)
    assert one.listed() == [STAMP]


def test_the_next_backup_sweeps_too(
    one: Process, place: Place, start_writer: Any, long_after: Callable[[], None]
) -> None:
    writer = start_writer("both files")
    writer.kill()
    writer.wait(60)
    long_after()
    one.save(LATER)
    assert place.names() == files_of(LATER)


def test_a_writer_killed_after_it_published_leaves_its_set(
    one: Process, place: Place, start_writer: Any, long_after: Callable[[], None]
) -> None:
    writer = start_writer("published")
    assert one.listed() == [STAMP]
    writer.kill()
    writer.wait(60)
    long_after()
    assert one.sweep() == [STAMP]
    assert (one.listed(), place.names()) == ([STAMP], files_of(STAMP))


def test_a_writer_that_slept_while_its_claim_was_taken_over_writes_nothing_more(
    one: Process, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two files without a claim would be listed as a set that nothing vouches for."""
    now = time.time

    def wake_up() -> None:
        with one.draft(STAMP) as draft:
            place.remove(claim_of(STAMP))
            monkeypatch.setattr(time, "time", lambda: now() + 3600)
            write(draft)

    with pytest.raises(ServiceUnavailable):
        wake_up()
    assert place.names() == set()


def test_a_set_without_a_manifest_is_not_taken_for_left_behind_as_its_claim_ends(
    process: Callable[[], Process], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep that has seen the claim goes on when the writer has just ended it."""
    writer, other = process(), process()
    draft = writer.draft(STAMP)
    written = draft.__enter__()
    write(written)
    kind: Any = type(other.storage._backend)
    with kind.folder(other.storage._backend, other.location) as opened:
        folders: Any = type(opened)
    abandoned = folders.abandoned

    def end_first(folder: Any, names: Any) -> Any:
        written.publish(None)
        draft.__exit__(None, None, None)
        return abandoned(folder, names)

    monkeypatch.setattr(folders, "abandoned", end_first)
    assert other.sweep() == []
    assert other.listed() == [STAMP]
    assert place.names() == set(data_files(STAMP))


# A storage that fails at every step


class Budget:
    """So many calls go well, then one fails."""

    def __init__(self, calls: int) -> None:
        self.left = calls
        self.error = ServiceUnavailable("injected")
        self.spent = False

    def spend(self) -> None:
        if self.left == 0 and not self.spent:
            self.spent = True
            raise self.error
        self.left -= 1


class Failing:
    """A folder or a claim, one call of which fails: before it does anything, or when it is done (an answer is lost)."""

    def __init__(self, inner: Any, budget: Budget, *, late: bool) -> None:
        self._inner, self._budget, self._late = inner, budget, late

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name in ("unpublished", "abandon"):
            return found

        def call(*arguments: Any) -> Any:
            if not self._late:
                self._refuse(name)
            result = found(*arguments)
            if self._late and name != "claim":  # no process could know of a claim whose maker has no answer
                self._budget.spend()
            return Failing(result, self._budget, late=self._late) if name == "claim" else result

        return call

    def _refuse(self, name: str) -> None:
        try:
            self._budget.spend()
        except ServiceError:
            if name == "release":
                self._inner.abandon()
            raise


@pytest.mark.parametrize("late", [False, True], ids=["refused", "answer lost"])
@pytest.mark.parametrize("manifest", MANIFESTS, ids=["manifest", "without"])
def test_whichever_call_fails_a_set_is_whole_or_not_there(
    process: Callable[[], Process],
    place: Place,
    long_after: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    manifest: bytes | None,
    late: bool,
) -> None:
    long_after()
    outcomes: Counter[bool] = Counter()
    for calls in itertools.count():
        writer, budget = process(), Budget(calls)
        failing_folders(monkeypatch, writer, budget, late=late)
        error = failure_of(lambda writer=writer: writer.save(STAMP, manifest))  # type: ignore[misc]
        assert error in (None, budget.error)
        saved = error is None
        outcomes[saved] += 1
        other = process()
        other.sweep()
        there = place.names()
        whole = files_of(STAMP) if manifest else set(data_files(STAMP))
        assert there in ([whole] if saved else [whole, set()] if late else [set()]), calls
        assert other.listed() == ([STAMP] if there else [])
        other.storage.delete(other.location, sorted(there))
        if not budget.spent:
            break
    assert outcomes[False] >= 6


def failure_of(call: Callable[[], None]) -> ServiceError | None:
    try:
        call()
    except ServiceError as error:
        return error
    return None


def failing_folders(monkeypatch: pytest.MonkeyPatch, one: Process, budget: Budget, *, late: bool) -> None:
    backend = one.storage._backend
    folder = backend.folder

    @contextmanager
    def failing(*arguments: Any, **more: Any) -> Iterator[Failing]:
        with folder(*arguments, **more) as opened:
            yield Failing(opened, budget, late=late)

    monkeypatch.setattr(backend, "folder", failing)
