"""Files that the everyday suite leaves to the last check before landing."""

from pathlib import Path

import pytest

from tests.support import landing
from tests.support.landing import LANDING, TESTS


@pytest.mark.parametrize("path", sorted(LANDING), ids=lambda path: str(path.relative_to(TESTS)))
def test_each_is_there_and_found_from_the_top(path: Path) -> None:
    assert path.exists()
    assert all(landing.leads_to(TESTS / parent) for parent in path.relative_to(TESTS).parents)


def test_what_lies_below_a_directory_that_waits_waits_too() -> None:
    assert landing.waits(TESTS / "browser")
    assert landing.waits(TESTS / "browser" / "test_panel.py")
    assert not landing.waits(TESTS / "integration" / "test_restore.py")
    assert landing.leads_to(TESTS / "integration" / "milvus")
    assert not landing.leads_to(TESTS / "unit")
