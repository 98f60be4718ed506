"""What people do in the panel, from the first look to the way back."""

import json
import re
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from benchmarks.listing import multiply
from data_pipeline.api import BASE
from data_pipeline.sets import manifest
from data_pipeline.storage.naming import backup_date
from tests.browser.conftest import SCRIPT
from tests.browser.steps import EMBEDDING, choose_restore, heading, press, row_of, stalled


def test_a_backup_is_taken_with_options_and_stands_in_the_table(site: Any, visit: Any) -> None:
    page = visit.page
    visit.open()
    press(page, "Back up now")
    page.get_by_role("radio", name="binary").check()
    press(page, "Back up")
    heading(page, "Succeeded")
    stored = page.get_by_role("link", name="In local")
    timestamp = stored.inner_text().rpartition(" ")[2]
    page.get_by_role("link", name="Backups").click()
    row = row_of(page, timestamp)
    expect(row.get_by_role("cell")).to_have_text(
        [f"{site.database.dbname}Whole system", "61", "4 KBbinary", "✓ Has checksums", "RestoreVerifyDelete"]
    )
    row.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("dialog")).to_contain_text("Every byte of the backup")
    press(page, "Close")
    expect(row).to_contain_text("Verified just now")
    (kept,) = [file.name for file in site.output.rglob(f"*embedding_{timestamp}*")]
    assert kept.endswith(".pgcopy")


def test_a_damaged_table_comes_back_and_the_restore_can_be_undone(site: Any, visit: Any) -> None:
    page, before = visit.page, site.rows()
    timestamp = site.back_up()
    site.database.execute(f"DELETE FROM {EMBEDDING} WHERE id IN ('doc-1', 'doc-2')")
    site.database.execute(f"UPDATE {EMBEDDING} SET document = 'oops' WHERE id = 'doc-3'")
    site.database.execute(f"INSERT INTO {EMBEDDING} VALUES ('new', NULL, '[7,8,9]', 'new', NULL)")
    damaged = site.rows()
    visit.open()
    choose_restore(page, timestamp, "Sync")
    heading(page, "It would succeed")
    for line in (
        "Embeddings: 2 rows will be added; 58 stay as they are.",
        "Embeddings: 1 live row will be overwritten.",
        "Embeddings: 1 row exists only in the live table and will be gone.",
        "Readers go on without waiting.",
    ):
        expect(page.get_by_role("listitem").filter(has_text=line)).to_be_visible()
    assert site.rows() == damaged
    confirm_by_name(page, site.database.dbname)
    heading(page, "Succeeded")
    assert site.rows() == before
    press(page, "Undo this restore")
    heading(page, "It would succeed")
    confirm_by_name(page, site.database.dbname)
    heading(page, "Succeeded")
    assert site.rows() == damaged


def confirm_by_name(page: Page, name: str) -> None:
    restore = page.get_by_role("button", name="Restore now")
    typed = page.get_by_label("Type the name of the database")
    expect(restore).to_be_disabled()
    typed.fill(name[:-1])
    expect(restore).to_be_disabled()
    typed.fill(name)
    restore.click()


def test_a_replace_says_what_only_the_live_table_has(site: Any, visit: Any) -> None:
    timestamp = site.back_up()
    site.database.execute(
        f"INSERT INTO {EMBEDDING} SELECT 'new-' || n, NULL, '[7,8,9]', 'new', NULL FROM generate_series(1, 3) n"
    )
    visit.open()
    choose_restore(visit.page, timestamp, "Replace")
    heading(visit.page, "It would succeed")
    expect(visit.page.get_by_text("Embeddings: 61 rows will replace 64.")).to_be_visible()
    expect(visit.page.get_by_text("Embeddings: 3 rows exist only in the live table and will be gone.")).to_be_visible()
    expect(visit.page.get_by_text("Readers wait about")).to_be_visible()


def test_a_restore_that_loses_nothing_needs_no_name(site: Any, visit: Any) -> None:
    before = site.rows()
    timestamp = site.back_up()
    visit.open()
    choose_restore(visit.page, timestamp, "Beside")
    heading(visit.page, "It would succeed")
    expect(visit.page.get_by_label("Type the name of the database")).to_have_count(0)
    press(visit.page, "Restore now")
    heading(visit.page, "Succeeded")
    names = site.database.fetch("SELECT name FROM langchain_pg_collection ORDER BY name")
    assert names == [(SCRIPT,), (f"{SCRIPT}_restored",), ("notes",), ("notes_restored",)]
    assert set(before) < set(site.rows())


def test_a_running_restore_shows_its_progress_after_a_reload_and_is_cancelled(site: Any, visit: Any) -> None:
    page, before = visit.page, site.rows()
    timestamp = site.back_up()
    visit.open()
    choose_restore(page, timestamp, "Replace")
    with stalled(site):
        confirm_by_name(page, site.database.dbname)
        heading(page, "Running")
        expect(page.get_by_text(f"Loading rows: {EMBEDDING}", exact=True)).to_be_visible()
        page.reload()
        heading(page, "Running")
        expect(page.get_by_text(f"Loading rows: {EMBEDDING}", exact=True)).to_be_visible()
        expect(page.get_by_role("progressbar")).to_be_visible()
        press(page, "Cancel")
        heading(page, "Cancelled")
    expect(page.get_by_text("The tables are as they were before.")).to_be_visible()
    assert site.rows() == before
    page.get_by_role("link", name="Jobs", exact=True).click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("Cancelled")


def test_only_chosen_collections_are_restored(site: Any, visit: Any) -> None:
    timestamp = site.back_up()
    site.database.execute(f"DELETE FROM {EMBEDDING}")
    visit.open()
    row_of(visit.page, timestamp).get_by_role("link", name="Restore").click()
    visit.page.get_by_role("radio", name="Only some collections").check()
    visit.page.get_by_role("checkbox", name=SCRIPT).uncheck()
    press(visit.page, "Check what would happen")
    heading(visit.page, "It would succeed")
    expect(visit.page.get_by_text("Only these collections; all others stay as they are: notes")).to_be_visible()
    press(visit.page, "Restore now")
    heading(visit.page, "Succeeded")
    assert site.rows() == [("<b>note</b>", "a note")]


def test_a_damaged_backup_is_found_out_and_says_where_and_what_to_do(site: Any, visit: Any) -> None:
    page, before = visit.page, site.rows()
    timestamp = site.write_damaged_set()
    visit.expected.add(422)
    visit.open()
    row_of(page, timestamp).get_by_role("button", name="Verify").click()
    told = page.get_by_role("dialog")
    expect(told).to_contain_text("INVALID_BACKUP")
    expect(told).to_contain_text("The backup is damaged or not complete: don't restore it.")
    expect(told).to_contain_text("Line3")
    expect(told).to_contain_text("Request id")
    press(page, "Close")
    expect(row_of(page, timestamp)).to_contain_text("Damaged")
    choose_restore(page, timestamp, "Replace")
    heading(page, "It would fail")
    expect(page.get_by_text("INVALID_BACKUP")).to_be_visible()
    expect(page.get_by_role("button", name="Restore now")).to_have_count(0)
    assert site.rows() == before


def test_a_failed_job_says_why_in_the_list_and_on_its_own_page(site: Any, visit: Any) -> None:
    body = {"backup_path": "./data_pipeline/training_data/task_20250721_213627/vector_bak"}
    body["timestamp"] = site.write_damaged_set()
    job = site.call("POST", "/restore", {**body, "truncate_before_restore": True, "async": True})["job_id"]
    visit.open(f"#/jobs/{job}")
    heading(visit.page, "Failed")
    expect(visit.page.get_by_role("alert")).to_contain_text("As they were: everything was rolled back.")
    visit.open("#/jobs")
    first = visit.page.get_by_role("row").nth(1)
    expect(first).to_contain_text("Failed")
    expect(first).to_contain_text("The backup is damaged or not complete")


def test_a_backup_is_deleted_only_when_its_name_is_typed(site: Any, visit: Any) -> None:
    page, timestamp = visit.page, site.back_up()
    visit.open()
    row_of(page, timestamp).get_by_role("button", name="Delete").click()
    box = page.get_by_role("dialog")
    delete = box.get_by_role("button", name="Delete")
    expect(delete).to_be_disabled()
    box.get_by_role("textbox").fill("20250101_000000")
    expect(delete).to_be_disabled()
    box.get_by_role("textbox").press("Enter")
    assert list(site.output.rglob(f"*{timestamp}*"))
    box.get_by_role("textbox").fill(timestamp)
    delete.click()
    expect(row_of(page, timestamp)).to_have_count(0)
    assert list(site.output.rglob(f"*{timestamp}*")) == []


def test_emptying_the_table_needs_the_databases_name(site: Any, visit: Any) -> None:
    page, before = visit.page, site.rows()
    visit.open()
    press(page, "Back up now")
    page.get_by_text("More options").click()
    page.get_by_role("checkbox", name="Empty the embedding table afterwards").check()
    back_up = page.get_by_role("button", name="Back up", exact=True)
    expect(back_up).to_be_disabled()
    assert site.rows() == before
    page.get_by_label("Type the name of the database").fill(site.database.dbname)
    back_up.click()
    heading(page, "Succeeded")
    expect(page.get_by_text("61 rows were removed")).to_be_visible()
    assert site.rows() == []


def test_what_came_from_data_is_text_and_never_markup(site: Any, visit: Any) -> None:
    page = visit.page
    first = site.back_up()
    site.database.execute("DELETE FROM langchain_pg_embedding WHERE id = '<b>note</b>'")
    second = site.back_up()
    visit.open(f"#/backups/local/global/{first}")
    expect(page.get_by_role("rowheader", name=SCRIPT)).to_be_visible()
    visit.open(f"#/restore/local/global/{first}")
    page.get_by_role("radio", name="Only some collections").check()
    expect(page.get_by_text(f"{SCRIPT} (60 rows)")).to_be_visible()
    visit.open(f"#/compare?a=local/global/{first}&b=local/global/{second}")
    expect(page.get_by_text("<b>note</b>")).to_be_visible()
    visit.open(f"#/backups/local/{quote(SCRIPT, safe='')}/{first}")
    heading(page, "There is no such backup")
    assert page.locator("main script, main b").count() == 0


def test_two_backups_are_compared_side_by_side(site: Any, visit: Any) -> None:
    page, first = visit.page, site.back_up()
    site.database.execute("UPDATE langchain_pg_embedding SET document = 'other' WHERE id = 'doc-7'")
    site.database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'doc-8'")
    visit.open(f"#/compare?a=local/global/{first}")
    press(page, "Compare")
    expect(page.get_by_role("heading", name="They differ")).to_be_visible()
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=SCRIPT))
    expect(row.get_by_role("cell")).to_have_text(["1", "1", "58", "0", "the same"])
    expect(page.locator(".sides code")).to_have_text(["doc-8", "doc-7"])
    page.reload()
    expect(row.get_by_role("cell").first).to_have_text("1")


def test_the_table_is_filtered_and_sorted(site: Any, visit: Any) -> None:
    page = visit.page
    site.write_damaged_set()
    few = site.back_up(collections=["notes"])
    many = site.back_up()
    visit.open()
    page.get_by_label("Filter").fill("task_2025")
    expect(page.get_by_role("rowheader")).to_have_count(1)
    expect(page.get_by_role("rowheader")).to_contain_text("2025-07-22 01:03:18")
    page.get_by_label("Filter").fill(few[:8][:4] + "-")
    page.get_by_label("Check", exact=True).select_option("Has checksums")
    expect(page.get_by_role("rowheader").filter(has_text="2025-07-22")).to_have_count(0)
    page.get_by_role("button", name="Rows").click()
    expect(page.get_by_role("columnheader", name="Rows")).to_have_attribute("aria-sort", "descending")
    expect(page.get_by_role("row").nth(1)).to_contain_text("61")
    page.get_by_role("button", name="Rows").click()
    expect(page.get_by_role("columnheader", name="Rows")).to_have_attribute("aria-sort", "ascending")
    expect(page.get_by_role("row").nth(1)).to_contain_text("some rows")
    assert few < many


def test_settings_and_health_are_there_to_be_read(site: Any, visit: Any) -> None:
    visit.open("#/status")
    for name in ("Configured", "local"):
        expect(visit.page.get_by_role("row").filter(has_text=name).first).to_contain_text("works")
    expect(visit.page.get_by_role("row").filter(has_text="local").first).to_contain_text("GB")
    row = visit.page.get_by_role("row").filter(has_text="MAX_WRITERS")
    expect(row.get_by_role("cell")).to_have_text("8")
    assert site.database.server.password not in visit.page.content()


@pytest.mark.parametrize(
    ("locale", "lang", "title"), [("zh-CN", "zh-CN", "备份"), ("en-GB", "en", "Backups"), ("fr-FR", "en", "Backups")]
)
def test_it_speaks_the_browsers_language(
    site: Any, open_panel: Callable[..., Any], locale: str, lang: str, title: str
) -> None:
    page = open_panel(site, locale=locale).page
    heading(page, title)
    expect(page.locator("html")).to_have_attribute("lang", lang)


def test_language_and_colours_are_switched_and_remembered(site: Any, visit: Any) -> None:
    page = visit.page
    visit.open()
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    press(page, "中文")
    heading(page, "备份")
    press(page, "深色")
    assert page.evaluate(ground) != light
    page.reload()
    heading(page, "备份")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    assert page.evaluate(ground) != light
    assert sorted(page.evaluate("Object.keys(localStorage)")) == ["language", "theme"]


def test_it_is_worked_with_keys_alone(site: Any, visit: Any) -> None:
    page, timestamp = visit.page, site.back_up()
    visit.open()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    row_of(page, timestamp).get_by_role("button", name="Delete").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("textbox")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(row_of(page, timestamp).get_by_role("button", name="Delete")).to_be_focused()
    page.get_by_role("link", name="Jobs", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Jobs")).to_be_focused()


def test_triggers_are_switched_off_where_they_would_undo_a_restore(site: Any, visit: Any) -> None:
    page, before = visit.page, site.rows()
    timestamp = site.back_up()
    site.database.execute(
        "CREATE FUNCTION clear() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.document := NULL; RETURN NEW; END';"
        f"CREATE TRIGGER clear BEFORE INSERT OR UPDATE ON {EMBEDDING} FOR EACH ROW EXECUTE FUNCTION clear();"
        f"DELETE FROM {EMBEDDING} WHERE id = 'doc-1'"
    )
    try:
        visit.open(f"#/restore/local/global/{timestamp}")
        expect(page.get_by_label("What wrote the CSV")).to_have_count(0)
        page.get_by_text("More options").click()
        page.get_by_label("Switch triggers and rules off meanwhile").check()
        press(page, "Check what would happen")
        heading(page, "It would succeed")
        expect(page.get_by_text("Triggers and rules are switched off meanwhile.")).to_be_visible()
        page.get_by_role("link", name="Change the choices").click()
        expect(page.get_by_label("Switch triggers and rules off meanwhile")).to_be_checked()
        press(page, "Check what would happen")
        heading(page, "It would succeed")
        press(page, "Restore now")
        heading(page, "Succeeded")
        assert site.rows() == before
        assert site.database.fetch("SELECT tgenabled FROM pg_trigger WHERE tgname = 'clear'") == [("O",)]
    finally:
        site.database.execute("DROP FUNCTION clear CASCADE")


def test_a_csv_without_a_manifest_is_read_as_it_is_said(site: Any, visit: Any) -> None:
    page = visit.page
    site.database.execute(f"UPDATE {EMBEDDING} SET document = NULL WHERE id = 'doc-1'")
    timestamp = site.back_up()
    (manifest,) = site.output.rglob(f"vector_backup_{timestamp}.json")
    manifest.unlink()
    visit.open(f"#/restore/local/global/{timestamp}")
    page.get_by_text("More options").click()
    written = page.get_by_label("What wrote the CSV")
    expect(written).to_have_value("")
    written.select_option("Python (csv.writer, pandas)")
    press(page, "Check what would happen")
    heading(page, "It would succeed")
    expect(page.get_by_text("The CSV is read as it was said: Python (csv.writer, pandas).")).to_be_visible()
    page.get_by_role("link", name="Change the choices").click()
    expect(page.get_by_label("What wrote the CSV")).to_have_value("python")
    press(page, "Check what would happen")
    heading(page, "It would succeed")
    confirm_by_name(page, site.database.dbname)
    heading(page, "Succeeded")
    assert site.database.fetch(f"SELECT document FROM {EMBEDDING} WHERE id = 'doc-1'") == [("",)]


@contextmanager
def answered(page: Page, url: str, status: int, **data: Any) -> Iterator[None]:
    """Calls of this URL get this answer."""
    body = {
        "code": status,
        "success": status == 200,
        "data": {"response": "", "error_type": "SERVICE_UNAVAILABLE", **data},
    }
    page.route(url, lambda route: route.fulfill(status=status, json=body))
    yield
    page.unroute_all()


def test_the_overview_says_whether_all_is_well_and_mends_what_is_not(site: Any, visit: Any) -> None:
    page = visit.page
    place = site.output / "vector_bak"
    for file in list(place.iterdir()):
        file.unlink()
    visit.open("")
    heading(page, "Overview")
    expect(page.get_by_text("thing needs attention")).to_be_visible()
    attention = page.get_by_role("listitem").filter(has_text="There is no whole, good backup")
    attention.get_by_role("button", name="Back up now").click()
    press(page, "Back up")
    heading(page, "Succeeded")
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_text("All is well")).to_be_visible()
    card = page.locator(".database").filter(has=page.get_by_role("heading", name=site.database.dbname))
    expect(card).to_contain_text("Last good backupjust now")
    site.back_up()
    page.reload()
    for curve in ("Rows", "Size"):
        expect(card.get_by_role("img", name=curve)).to_be_visible()
    visit.expected.add(503)
    page.get_by_role("button", name="Prove it now").click()
    heading(page, "Drill")
    heading(page, "Succeeded")
    expect(page.get_by_text("Proven: every row")).to_be_visible()
    page.get_by_role("link", name="Overview").click()
    expect(card).to_contain_text("Last provenjust now")
    with page.expect_request("**/drills"):
        page.get_by_role("link", name="Backups").click()
    expect(page.get_by_role("row").filter(has_text="Last proven just now")).to_have_count(1)
    with answered(page, "**/drills", 503):
        page.reload()
        expect(page.get_by_role("row").nth(2)).to_be_visible()
        expect(page.get_by_text("Last proven")).to_have_count(0)
    (drill,) = site.call("GET", "/drills", prefix=BASE)["drills"]
    with answered(page, "**/drills", 200, drills=[{**drill, "proven": False}]):
        page.reload()
        expect(page.get_by_role("row").filter(has_text="Drill failed just now")).to_have_count(1)
        page.get_by_role("link", name="Overview").click()
        failed = page.get_by_role("listitem").filter(has_text=re.compile("The drill of .* failed"))
        failed.get_by_role("link", name="See why").click()
        heading(page, "Drill")
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("listitem").filter(has_text="Nothing is backed up by itself").get_by_role("link").click()
    box = page.get_by_role("dialog", name="Create a schedule")
    box.get_by_label("Name").fill("nightly")
    box.get_by_label("When").fill("31 2 30 2 *")  # a day that never comes
    visit.expected.add(400)
    press(page, "Save")
    expect(box.get_by_role("alert")).to_contain_text("INVALID_PARAMS")
    box.get_by_label("When").fill("daily")
    press(page, "Save")
    expect(page.get_by_role("rowheader", name="nightly")).to_be_visible()
    page.get_by_role("button", name="Pause nightly").click()
    expect(page.get_by_role("button", name="Resume nightly")).to_be_visible()
    page.get_by_role("button", name="Test nightly").click()
    expect(page.get_by_role("dialog")).to_contain_text("Next times")
    press(page, "Close")
    page.get_by_role("button", name="Run now nightly").click()
    heading(page, "Backup")
    page.get_by_role("link", name="Schedules").click()
    page.get_by_role("button", name="Delete nightly").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("nightly")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Nothing is backed up by itself yet.")).to_be_visible()


def test_a_database_is_added_tried_and_removed_and_its_password_never_shown(site: Any, visit: Any) -> None:
    page = visit.page
    visit.open("#/targets")
    expect(page.get_by_text("No further databases.")).to_be_visible()
    press(page, "Add a database")
    page.get_by_label("Name", exact=True).fill("staging")
    page.get_by_label("URL", exact=True).fill(site.database.url)
    press(page, "Save")
    page.get_by_role("button", name="Test staging").click()
    expect(page.get_by_role("dialog")).to_contain_text("It works.")
    press(page, "Close")
    page.get_by_role("button", name="Change staging").click()
    expect(page.get_by_label("URL", exact=True)).to_have_value("")
    press(page, "Save")
    assert site.database.server.password not in page.content()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Delete staging").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("staging")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No further databases.")).to_be_visible()


def test_confirming_names_the_backup_and_is_red_where_the_names_differ(site: Any, visit: Any) -> None:
    page, timestamp = visit.page, site.back_up()
    visit.open(f"#/restore/local/global/{timestamp}")
    page.get_by_role("radio", name="Replace").check()
    page.get_by_label("Back up first").uncheck()
    press(page, "Check what would happen")
    form = page.locator("form.card")
    own = site.database.dbname
    expect(form).to_contain_text(f"Replace {own} by the backup of {backup_date(timestamp)}, taken from {own}")
    expect(form.locator(".loss")).to_have_text("No backup is taken first: it can't be undone.")
    (file,) = site.output.rglob(f"vector_backup_{timestamp}.json")
    document = {name: value for name, value in json.loads(file.read_bytes()).items() if name != "sha256"}
    del document["format_version"]
    file.write_bytes(manifest.dump(document | {"database": "staging"}))
    page.reload()
    expect(form.locator("strong.loss")).to_have_text([own, "staging"])
    expect(form).to_contain_text(f"this backup was taken from staging, and goes into {own}")
    confirm_by_name(page, own)
    heading(page, "Succeeded")
    expect(page.get_by_text("taken from staging").first).to_be_visible()


def test_a_download_comes_back_as_an_upload_and_collections_are_ticked(site: Any, visit: Any, tmp_path: Path) -> None:
    page, timestamp = visit.page, site.back_up()
    visit.open(f"#/backups/local/global/{timestamp}")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    kept = tmp_path / f"{timestamp}.tar"
    download.value.save_as(kept)
    site.call("DELETE", f"/backups/global/{timestamp}")
    visit.open()
    press(page, "Upload")
    page.get_by_label("Files").set_input_files(kept)
    page.get_by_role("dialog").get_by_role("button", name="Upload").click()
    heading(page, f"Backup of {backup_date(timestamp)}")
    visit.open()
    press(page, "Back up now")
    page.get_by_role("radio", name="Only some collections").check()
    page.get_by_role("checkbox", name=SCRIPT).uncheck()
    press(page, "Back up")
    heading(page, "Succeeded")
    visit.open()
    expect(page.get_by_role("row").nth(1)).to_contain_text("some rows")


def test_a_verification_is_known_to_every_browser_and_many_backups_come_a_page_at_a_time(
    site: Any, visit: Any, open_panel: Callable[..., Any]
) -> None:
    page, timestamp = visit.page, site.back_up()
    site.call("POST", f"/backups/global/{timestamp}/verify")
    multiply(site.output, timestamp, 60)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    visit.open()
    expect(row_of(page, timestamp)).to_contain_text("Verified")
    expect(page.get_by_role("row")).to_have_count(51)
    assert [url for url in asked if "/backups/" in url] == []
    assert len([url for url in asked if "/restore/list" in url]) == 1
    press(page, "Show more")
    expect(page.get_by_role("row").nth(60)).to_be_visible()
    page.get_by_label("Filter").fill("task_0000")
    expect(page.get_by_role("row").nth(1)).to_contain_text("task_0000")


def test_a_schedule_that_the_panel_has_no_word_for_is_shown_and_stays_what_it_is(site: Any, visit: Any) -> None:
    page = visit.page
    config = {"kind": "of_a_later_version", "when": "daily", "zone": "UTC", "request": {}}
    about = {"source": "api", "secrets": [], "readable": True, "created_at": None, "updated_at": None, "status": None}
    with answered(page, "**/schedules", 200, schedules=[{"name": "later", "config": config, **about}], complete=True):
        visit.open("#/schedules")
        expect(page.get_by_role("row").filter(has_text="later")).to_contain_text("of_a_later_version")
        press(page, "Change later")
        expect(page.get_by_label("What is done")).to_have_value("of_a_later_version")
        expect(page.get_by_label("URL of the file")).not_to_be_visible()
        page.get_by_label("What is done").select_option("table_import")
        expect(page.get_by_label("URL of the file")).to_be_visible()


def test_a_job_of_a_scheduled_import_says_what_it_counted(site: Any, visit: Any) -> None:
    page = visit.page
    site.back_up()
    job = site.call("GET", "/jobs")["jobs"][0]
    done = {"entries": 7, "inserted": 1, "updated": 2, "unchanged": 4, "kept": 0, "removed": 0, "warnings": []}
    with answered(page, "**/jobs/of-an-import", 200, **job | {"kind": "table_import", "result": done, "error": None}):
        visit.open("#/jobs/of-an-import")
        heading(page, "Import into a table ✓ Succeeded")
        expect(page.locator("dl div").filter(has_text="Entries in the file")).to_contain_text("7")


def test_ticked_backups_are_verified_downloaded_and_removed(site: Any, visit: Any) -> None:
    page = visit.page
    stamps = [site.back_up() for _ in range(3)]
    visit.open()
    for stamp in stamps[:2]:
        row_of(page, stamp).get_by_role("checkbox").check()
    bar = page.get_by_role("region", name="Ticked backups")
    expect(bar).to_contain_text("2 backups ticked")
    bar.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("dialog")).to_contain_text("2 of 2 are done.")
    press(page, "Close")
    expect(bar).to_have_count(0)
    for stamp in stamps[:2]:
        expect(row_of(page, stamp)).to_contain_text("Verified")
        row_of(page, stamp).get_by_role("checkbox").check()
    with page.expect_download() as loading:
        bar.get_by_role("button", name="Download").click()
    with tarfile.open(loading.value.path()) as tar:
        assert len(tar.getnames()) == 6
    bar.get_by_role("button", name="Delete").click()
    page.get_by_label("Type how many, 2, to confirm").fill("2")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text("2 of 2 are done.")
    press(page, "Close")
    expect(row_of(page, stamps[0])).to_have_count(0)
    expect(row_of(page, stamps[2])).to_have_count(1)
