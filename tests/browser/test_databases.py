"""Whole databases in the panel: out, in with what happens told as it happens, and as backups."""

import base64
import json
import re
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import requests
from playwright.sync_api import expect

from data_pipeline.api import BASE
from tests.browser.steps import heading, press, row_of

READ = """async ([form]) => {
  const body = new FormData();
  body.append("trusted", "true");
  body.append("cleanFirst", "true");
  body.append("file", new Blob([Uint8Array.from(atob(form), (c) => c.charCodeAt(0))]), "backup.dump");
  const answer = await fetch("/api/admin/database/import", { method: "POST", body });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return text;
    text += value;
  }
}"""


@pytest.fixture(scope="module")
def site(make_site: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    site = make_site(STORAGES=json.dumps({"usb": str(tmp_path_factory.mktemp("usb"))}))
    site.refill()
    return site


def test_a_database_goes_out_and_comes_back_in_with_what_happens_told(site: Any, visit: Any, tmp_path: Path) -> None:
    page = visit.page
    visit.open()
    page.get_by_role("link", name="Whole databases").click()
    heading(page, "Whole databases")
    with page.expect_download() as exported:
        page.get_by_role("link", name="Export as a file").click()
    file = tmp_path / exported.value.suggested_filename
    exported.value.save_as(file)
    assert file.read_bytes().startswith(b"PGDMP")
    before = site.rows()
    site.database.execute("UPDATE langchain_pg_embedding SET document = ''")
    page.get_by_label("Archive").set_input_files(file)
    page.get_by_role("radio", name="Replace").check()
    page.get_by_role("checkbox", name="I trust its maker").check()
    expect(page.get_by_role("button", name="Import")).to_be_disabled()
    page.get_by_label(re.compile("^Type")).fill(site.database.dbname)
    press(page, "Import")
    expect(page.locator("main").get_by_text("the database is imported")).to_be_visible()
    expect(page.locator("main").get_by_text("pg_restore 18")).to_be_visible()
    assert site.rows() == before


def test_any_page_can_read_the_events_of_an_import(site: Any, visit: Any) -> None:
    archive = requests.get(f"{site.url}/api/admin/database/export", timeout=60).content
    page = visit.page
    visit.open()
    text = page.evaluate(READ, [base64.b64encode(archive).decode()])
    events = [part for part in text.split("\n\n") if part]
    assert all(part.startswith('data: {"type": ') for part in events)
    assert len(events) > 5
    assert '"type": "complete"' in events[-1]


def test_a_database_is_backed_up_looked_at_and_restored_beside_the_live_one(site: Any, visit: Any) -> None:
    page = visit.page
    visit.open("#/databases")
    press(page, "Back up as a set")
    heading(page, "Succeeded")
    page.get_by_role("link", name="local").click()
    heading(page, "Backup of")
    expect(page.get_by_role("rowheader", name="public.langchain_pg_embedding")).to_be_visible()
    page.get_by_role("link", name="Restore").last.click()
    page.get_by_role("radio", name="Beside the live one").check()
    page.get_by_role("checkbox", name="I trust its maker").check()
    press(page, "Restore")
    heading(page, "Succeeded")
    made = page.get_by_text(f"{site.database.dbname}_new_")
    expect(made.first).to_be_visible()
    (beside,) = site.database.fetch(
        "SELECT datname FROM pg_database WHERE datname LIKE %s", (f"{site.database.dbname}_new%",)
    )
    with closing(psycopg2.connect(site.database.url)) as connection:
        connection.autocommit = True
        connection.cursor().execute(f'DROP DATABASE "{beside[0]}"')


def test_ticked_databases_are_verified_copied_downloaded_and_removed(site: Any, visit: Any) -> None:
    stamp = site.call("POST", "/databases/backup", {}, prefix=BASE)["backup_timestamp"]
    page = visit.page
    visit.open()
    bar = page.get_by_role("region", name="Ticked backups")

    def act(name: str) -> None:
        row_of(page, stamp).get_by_role("checkbox").first.check()
        bar.get_by_role("button", name=name, exact=True).click()

    def done() -> None:
        expect(page.get_by_role("dialog")).to_contain_text("1 of 1 are done.")
        press(page, "Close")
        expect(bar).to_have_count(0)

    act("Verify")
    done()
    expect(row_of(page, stamp)).to_contain_text("Verified")
    act("Copy")
    page.get_by_role("dialog").get_by_label("Storage").select_option("usb")
    page.get_by_role("dialog").get_by_role("button", name="Copy").click()
    done()
    copy = f"/backups/global/{stamp}?storage=usb"
    assert site.call("GET", copy)["files"]
    with page.expect_download() as loading:
        act("Download")
    with tarfile.open(loading.value.path()) as tar:
        assert any(name.endswith(f"_{stamp}.dump.zst") for name in tar.getnames())
    bar.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_label("Type how many, 1, to confirm").fill("1")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    done()
    assert site.call("GET", copy)["files"]
