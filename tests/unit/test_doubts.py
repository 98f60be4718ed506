"""When a set's rows make it doubtful that it is of what is meant."""

from collections.abc import Iterator
from typing import Any

import pytest

from common.errors import ServiceUnavailable
from data_pipeline.operations.backup import doubts
from data_pipeline.operations.backup.snapshot import Saved, Taken
from data_pipeline.sets.manifest import Manifest
from data_pipeline.sets.tables.table_facts import TableFact
from tests.support.names import COLLECTION, EMBEDDING


def taken(rows: int) -> Taken:
    tables = {COLLECTION: Saved({"rows": 1}, 0.1), EMBEDDING: Saved({"rows": rows}, 0.1)}
    return Taken(tables, [], "langchain", "docs", "server", (EMBEDDING,))


def earlier(rows: int, timestamp: str = "20261126_100000", **more: Any) -> Manifest:
    fact: Any = TableFact
    manifest: Any = Manifest
    tables = {name: fact.model_construct(rows=rows) for name in (COLLECTION, EMBEDDING)}
    facts = {"database": "docs", "server": "server", "chosen_collections": None, "precaution": False, **more}
    made: Manifest = manifest.model_construct(timestamp=timestamp, tables=tables, **facts)
    return made


def codes(rows: int, *manifests: Manifest) -> list[str]:
    return [message.code for message in doubts.of_rows(taken(rows), manifests)]


@pytest.mark.parametrize(
    ("before", "rows", "fell"), [(100, 49, True), (100, 50, False), (1, 1, False), (10, 99, False)]
)
def test_less_than_half_is_told(before: int, rows: int, fell: bool) -> None:
    assert codes(rows, earlier(before)) == ["rows_fell"] * fell


def test_no_rows_are_told_whatever_was_before() -> None:
    assert codes(0) == ["no_rows_backed_up"]
    assert codes(0, earlier(0)) == ["no_rows_backed_up"]
    assert codes(0, earlier(9)) == ["no_rows_backed_up", "rows_fell"]


@pytest.mark.parametrize(
    "more",
    [
        {"database": "other"},
        {"server": "other"},
        {"server": None},
        {"chosen_collections": ["notes"]},
        {"precaution": True},
    ],
    ids=str,
)
def test_only_an_earlier_set_of_all_rows_of_the_same_database_is_compared(more: dict[str, Any]) -> None:
    assert codes(1, earlier(900, **more)) == []
    assert codes(1, earlier(900, **more), earlier(800, "20260101_000000")) == ["rows_fell"]
    assert codes(1, earlier(900, **more), earlier(2, "20260101_000000"), earlier(900, "20250101_000000")) == []


def test_no_more_manifests_are_read_than_are_needed() -> None:
    read = []

    def manifests() -> Iterator[Manifest]:
        for database in ["other", "docs", *["other"] * 50]:
            read.append(database)
            yield earlier(900, database=database)

    doubts.of_rows(taken(1), manifests())
    assert read == ["other", "docs"]
    read.clear()
    doubts.of_rows(taken(1), (one for one in manifests() if one.database == "other"))
    assert read.count("other") == doubts.MOST_READ


def test_a_storage_that_is_away_by_then_changes_nothing() -> None:
    def manifests() -> Iterator[Manifest]:
        yield earlier(900, database="other")
        raise ServiceUnavailable("away")

    assert doubts.of_rows(taken(1), manifests()) == []
