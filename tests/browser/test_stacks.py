"""Stacks in the panel: a card a member, and one button for all of them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.steps import heading, press

TARGETS = {"files": "s3+http://key:secret@127.0.0.1:1/documents", "cache": "redis://127.0.0.1:1/0"}


@pytest.fixture(scope="module")
def site(make_site: Callable[..., Any]) -> Any:
    return make_site(TARGETS=json.dumps(TARGETS), STACKS=json.dumps({"voice": {"media": "files", "sessions": "cache"}}))


def test_each_member_has_a_card_that_says_whether_it_is_there(site: Any, visit: Any) -> None:
    page = visit.page
    visit.open()
    page.get_by_role("link", name="Backups", exact=True).click()
    page.get_by_role("link", name="Stacks").click()
    heading(page, "Stacks")
    for role, family, target in (("media", "objects", "files"), ("sessions", "redis", "cache")):
        card = page.locator("section.card").filter(has=page.get_by_role("heading", name=role, exact=True))
        expect(card).to_contain_text(family)
        expect(card).to_contain_text(target)
    press(page, "Back up all")
    heading(page, "Stack: backup")
    expect(page.get_by_text("DATABASE_ERROR")).to_be_visible(timeout=60_000)
