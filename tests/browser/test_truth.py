"""What the panel says when things aren't as they should be, and that it is so."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.steps import press, row_of


@pytest.fixture(scope="module")
def shared_site(make_site: Callable[..., Any]) -> Any:
    return make_site()


@pytest.fixture
def site(shared_site: Any) -> Any:
    """The service with full tables."""
    shared_site.refill()
    return shared_site


@pytest.fixture
def visit(site: Any, open_panel: Callable[..., Any]) -> Any:
    return open_panel(site, None)


def test_a_set_that_nothing_vouches_for_is_not_called_damaged(site: Any, visit: Any) -> None:
    page, timestamp = visit.page, site.back_up()
    (manifest,) = site.output.rglob(f"vector_backup_{timestamp}.json")
    manifest.unlink()
    visit.open()
    row_of(page, timestamp).get_by_role("button", name="Verify").click()
    expect(page.get_by_role("dialog")).to_contain_text("can be parsed, but it has no manifest")
    press(page, "Close")
    expect(row_of(page, timestamp)).to_contain_text("Readable (checked just now)")


def test_a_set_that_could_not_be_read_is_not_called_unfit(site: Any, visit: Any) -> None:
    page, timestamp = visit.page, site.back_up()
    visit.open()
    for file in site.output.rglob(f"*{timestamp}*"):
        file.unlink()
    visit.expected.add(404)
    row_of(page, timestamp).get_by_role("button", name="Verify").click()
    expect(page.get_by_role("dialog", name="It couldn't be verified")).to_contain_text("Whole system (local)")
    press(page, "Close")
    expect(row_of(page, timestamp)).to_contain_text("Checksums")
