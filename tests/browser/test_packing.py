"""Compressed and encrypted backups in the panel: made, shown, and told apart from what can't be read."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site
from tests.browser.steps import heading, press, row_of

KEY, OTHER = (base64.b64encode(bytes([n]) * 32).decode() for n in (7, 8))


@pytest.fixture(scope="module")
def site(make_site: Callable[..., Any]) -> Any:
    site = make_site(BACKUP_ENCRYPTION_KEY=KEY)
    site.refill()
    return site


@pytest.fixture(scope="module")
def without_key(site: Site, make_site: Callable[..., Any]) -> Any:
    """Another service with the same backups and another key."""
    return make_site(OUTPUT_DIRECTORY=str(site.output), BACKUP_ENCRYPTION_KEY=OTHER)


def test_a_backup_is_compressed_and_its_files_say_so(site: Site, visit: Any) -> None:
    page = visit.page
    visit.open()
    press(page, "Back up now")
    page.get_by_role("checkbox", name="Compress").check()
    press(page, "Back up")
    heading(page, "Succeeded")
    page.get_by_role("link", name="In local").click()
    heading(page, "Backup of")
    expect(page.get_by_text("csv · zstd")).to_be_visible()
    (kept,) = site.output.rglob("*embedding_*")
    assert kept.name.endswith(".csv.zst.enc")
    press(page, "Verify")
    expect(page.get_by_role("dialog")).to_contain_text("Every byte")


def test_a_set_whose_key_is_missing_is_locked_and_says_what_to_do(
    site: Site, without_key: Site, open_panel: Callable[..., Any]
) -> None:
    timestamp = site.back_up()
    visit = open_panel(without_key)
    page = visit.page
    row = row_of(page, timestamp)
    expect(row).to_contain_text("Encrypted, key missing")
    page.get_by_label("Check", exact=True).select_option("Encrypted, key missing")
    expect(row).to_be_visible()
    row.get_by_role("rowheader").get_by_role("link").click()
    heading(page, "Backup of")
    expect(page.get_by_text("is encrypted with the key")).to_be_visible()
    expect(page.get_by_text("Start the service with it in BACKUP_ENCRYPTION_KEY")).to_be_visible()
    expect(page.get_by_role("link", name="Restore", exact=True).locator("visible=true")).to_have_count(1)
    visit.expected |= {422, 409, 503}
    press(page, "Verify")
    expect(page.get_by_role("dialog")).to_contain_text("ENCRYPTION_KEY_MISSING")
    press(page, "Close")
    visit.open(f"#/restore/local/global/{timestamp}")
    expect(page.get_by_role("alert")).to_contain_text("ENCRYPTION_KEY_MISSING")
    expect(page.get_by_role("button", name="Check what would happen")).to_be_disabled()
    assert KEY not in page.content()
