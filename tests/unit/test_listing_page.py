"""Which sets are on a page of the list, and which are found by words."""

import itertools

import pytest

from common.errors import InvalidParams
from data_pipeline.operations.listing_page import Cursor, Found, matches, page
from data_pipeline.sets.listed import ListedLocation, ListedSet
from data_pipeline.sets.summary import Summary
from data_pipeline.storage.location import Location
from data_pipeline.storage.naming import Kind

VOUCHED = Summary("vouched", "ragapp", None, 61, False, "backup")


def found(timestamp: str, task: str | None = None, storage: str = "local") -> Found:
    location = Location((task, "vector_bak") if task else ("vector_bak",), storage)
    one = ListedSet(timestamp, Kind("csv"), ("c", "e"), (1, 2), None)
    return Found(ListedLocation(location, [one], False), one)


SETS = [
    *(found(f"20250101_00000{second}") for second in range(4)),
    found("20250101_000003", storage="archive"),
    found("20250101_000002", "task_a"),
    found("20250101_000009", "task_b"),
]


def names(sets: list[Found]) -> list[str]:
    return [f"{one.location.storage}/{one.backup[1]}/{one.one.timestamp[-1]}" for one in sets]


def test_a_page_has_the_newest_of_all_locations_with_every_copy() -> None:
    first, following = page(SETS, 2, None)
    assert names(first) == ["local/task_b/9", "local/global/3", "archive/global/3"]
    assert str(following) == "global/20250101_000003"


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 50])
def test_the_pages_together_are_every_set_once(limit: int) -> None:
    pages, after = [], None
    for _ in itertools.count():
        shown, after = page(SETS, limit, after)
        pages.append(shown)
        if after is None:
            break
        after = Cursor.read(str(after))
    assert sorted(names([one for shown in pages for one in shown])) == sorted(names(SETS))
    assert all(len({one.backup for one in shown}) == limit for shown in pages[:-1])


def test_a_page_goes_on_where_the_last_backup_of_the_one_before_is_gone_by_now() -> None:
    (first,), following = page(SETS, 1, None)
    rest, _ = page([one for one in SETS if one != first], 2, following)
    assert names(rest) == ["local/global/3", "archive/global/3", "local/task_a/2"]


def test_nothing_there_is_one_empty_page() -> None:
    assert page([], 10, None) == ([], None)


@pytest.mark.parametrize("text", ["", "/", "global", "20250101_000000", "/20250101_000000", "global/2025", "a/b/c"])
def test_what_names_no_backup_is_no_cursor(text: str) -> None:
    with pytest.raises(InvalidParams):
        Cursor.read(text)


@pytest.mark.parametrize(
    ("words", "found_by"),
    [
        ("ragapp", True),
        ("RAG vouched", True),
        ("2025-01-01 00:00:03", True),
        ("20250101_000003 archive", True),
        ("ragapp staging", False),
        ("restore", False),
        ("csv global", True),
        ("partial", False),
    ],
)
def test_every_word_has_to_be_said_of_a_set(words: str, found_by: bool) -> None:
    assert matches(found("20250101_000003", storage="archive"), VOUCHED, words) is found_by
