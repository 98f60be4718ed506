"""How far a job is: a percentage of the whole that never goes back."""

from typing import Any

import pytest

from data_pipeline.jobs.progress_meter import ProgressMeter
from data_pipeline.postgres.progress import Cancelled
from tests.support.names import COLLECTION, EMBEDDING


class Connection:
    """Counts how often it is told that it is no longer wanted."""

    def __init__(self) -> None:
        self.abandoned = 0

    def abandon(self) -> None:
        self.abandoned += 1


def replace(meter: ProgressMeter) -> Any:
    """The readings of a replace with an HNSW index."""
    yield meter.reading()
    meter.expect_bytes(1000)
    meter.enter("verify", None)
    meter.expect_indexes(["hnsw", "gin"])
    yield meter.reading()
    for table, size in ((COLLECTION, 100), (EMBEDDING, 400), (EMBEDDING, 500)):
        meter.enter("load", table)
        meter.advance(size, size // 10)
        yield meter.reading()
    meter.enter("index", EMBEDDING)
    for part in (0.0, 0.5, 0.25, 1.0):
        meter.index_built(part)
        yield meter.reading()
    meter.indexed()
    meter.enter("index", EMBEDDING)
    yield meter.reading()
    meter.indexed()
    meter.enter("check", None)
    yield meter.reading()
    yield meter.complete()


def test_a_replace_goes_from_0_to_100_and_never_back() -> None:
    readings = list(replace(ProgressMeter()))
    percents = [reading["percent"] for reading in readings]
    assert percents[0] == 0
    assert percents == sorted(percents)
    assert percents[-2] < 100 == percents[-1]
    assert [reading["phase"] for reading in readings] == ["verify"] * 2 + ["load"] * 3 + ["index"] * 5 + ["check"] * 2
    assert readings[4]["bytes_done"] == readings[4]["bytes_total"] == 1000
    assert readings[4]["rows_done"] == 100


def test_an_hnsw_index_is_most_of_the_work() -> None:
    readings = list(replace(ProgressMeter()))
    assert readings[4]["percent"] < 15  # loaded
    assert 40 < readings[6]["percent"] < 60  # half of the index


def test_without_indexes_loading_is_nearly_all() -> None:
    meter = ProgressMeter()
    meter.expect_bytes(1000)
    meter.enter("load", COLLECTION)
    meter.advance(1000, 1)
    assert 90 < meter.reading()["percent"] < 100


def test_a_check_between_two_loads_is_not_the_last_phase() -> None:
    meter = ProgressMeter()
    meter.expect_bytes(10)
    for phase, size, shown in (("load", 4, "load"), ("check", 0, "load"), ("load", 6, "load"), ("check", 0, "check")):
        meter.enter(phase, EMBEDDING)  # type: ignore[arg-type]
        meter.advance(size, 1)
        assert meter.reading()["phase"] == shown


def test_what_nobody_knows_is_null() -> None:
    reading = ProgressMeter().reading()
    assert (reading["bytes_total"], reading["eta_seconds"], reading["table"]) == (None, None, None)


def test_a_backup_with_more_rows_than_were_estimated_stays_below_100() -> None:
    meter = ProgressMeter()
    meter.expect_rows(10)
    meter.enter("load", EMBEDDING)
    meter.advance(100, 50)
    assert meter.reading()["percent"] < 100


def test_cancelling_ends_the_statement_and_each_later_step() -> None:
    meter, connection = ProgressMeter(), Connection()
    meter.connected(connection, None)  # type: ignore[arg-type]
    meter.expect_wanted()
    meter.cancel()
    meter.cancel()
    assert connection.abandoned == 2
    for step in (meter.expect_wanted, meter.settle, lambda: meter.advance(1, 1)):
        with pytest.raises(Cancelled):
            step()
    meter.connected(late := Connection(), None)  # type: ignore[arg-type]
    assert late.abandoned == 1
    meter.disconnected(connection)  # type: ignore[arg-type]
    meter.cancel()
    assert connection.abandoned == 2


def test_once_the_commit_has_begun_nothing_is_cancelled() -> None:
    meter, connection = ProgressMeter(), Connection()
    meter.connected(connection, None)  # type: ignore[arg-type]
    meter.settle()
    meter.cancel()
    meter.expect_wanted()
    assert connection.abandoned == 0
