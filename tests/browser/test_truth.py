"""What the panel says when things aren't as they should be, and that it is so."""

from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import SCRIPT
from tests.browser.steps import EMBEDDING, choose_restore, heading, pick, press, row_of, stalled

MANY_JOBS = """
    INSERT INTO vector_jobs.jobs (id, kind, state, sync, request, request_version, target, request_id, who, fingerprint,
                                  created_at, started_at, finished_at, result, texts)
    SELECT md5(n::text), kind, state, sync, request, request_version, target, 'gap-' || n, who, fingerprint,
           created_at, started_at, finished_at, result, texts
    FROM (SELECT * FROM vector_jobs.jobs ORDER BY number DESC LIMIT 1) newest, generate_series(1, 32) n"""
"""The newest job, 32 times more."""


def test_a_set_that_nothing_vouches_for_is_not_called_damaged(site: Any, visit: Any) -> None:
    page, timestamp = visit.page, site.back_up()
    (manifest,) = site.output.rglob(f"vector_backup_{timestamp}.json")
    manifest.unlink()
    visit.open()
    row_of(page, timestamp).get_by_role("button", name="Verify").click()
    expect(page.get_by_role("dialog")).to_contain_text("can be parsed, but it has no manifest")
    press(page, "Close")
    expect(row_of(page, timestamp)).to_contain_text("Readable just now")


def test_a_set_that_could_not_be_read_is_not_called_unfit(site: Any, visit: Any) -> None:
    page, timestamp = visit.page, site.back_up()
    visit.open()
    for file in site.output.rglob(f"*{timestamp}*"):
        file.unlink()
    visit.expected.add(404)
    row_of(page, timestamp).get_by_role("button", name="Verify").click()
    expect(page.get_by_role("dialog", name="It couldn't be verified")).to_contain_text("Whole system (local)")
    press(page, "Close")
    expect(row_of(page, timestamp)).to_contain_text("Has checksums")


def test_a_set_that_is_gone_is_not_replaced_by_another_one(site: Any, visit: Any) -> None:
    site.back_up()
    visit.open("#/restore/local/global/20200101_000000")
    heading(visit.page, "There is no such backup")


def test_what_belongs_to_another_set_is_not_chosen_from(site: Any, visit: Any) -> None:
    """Whatever order the answers come in."""
    page = visit.page
    notes, both = site.back_up(collections=["notes"]), site.back_up()
    slow: list[Any] = []
    visit.open(f"#/restore/local/global/{notes}")
    page.route(f"**/backups/global/{both}?*", lambda route: slow.append(route))
    expect(page.get_by_text("1 rows in")).to_be_visible()
    pick(page, both)
    expect(page.get_by_role("button", name="Check what would happen")).to_be_disabled()
    pick(page, notes)
    expect(page.get_by_text("1 rows in")).to_be_visible()
    with page.expect_response(f"**/backups/global/{both}?*"):
        slow[0].continue_()
    expect(page.get_by_text("1 rows in")).to_be_visible()
    page.get_by_role("radio", name="Only some collections").check()
    expect(page.get_by_role("checkbox", name="notes")).to_be_visible()
    expect(page.get_by_role("checkbox", name=SCRIPT)).to_have_count(0)


def test_a_collection_without_a_name_keeps_nobody_from_choosing_among_the_others(site: Any, visit: Any) -> None:
    site.database.execute("INSERT INTO langchain_pg_collection VALUES (gen_random_uuid(), '', '{}')")
    visit.open(f"#/restore/local/global/{site.back_up()}")
    visit.page.get_by_role("radio", name="Only some collections").check()
    visit.page.get_by_role("checkbox", name="notes").uncheck()
    press(visit.page, "Check what would happen")
    heading(visit.page, "It would succeed")


def test_what_could_not_be_read_once_can_be_tried_again(site: Any, visit: Any) -> None:
    page, timestamp = visit.page, site.back_up()
    visit.expected.add(503)
    busy = {"success": False, "data": {"error_type": "SERVICE_UNAVAILABLE", "response": "忙"}}
    page.route(f"**/backups/global/{timestamp}?*", lambda route: route.fulfill(status=503, json=busy))
    visit.open(f"#/backups/local/global/{timestamp}")
    heading(page, "This can't be shown")
    page.unroute_all()
    press(page, "Try again")
    heading(page, "Backup of")


def test_emptying_the_table_again_needs_the_databases_name_again(site: Any, visit: Any) -> None:
    page = visit.page
    with stalled(site):
        blocker = site.database.connect()
        blocker.cursor().execute(f"LOCK {EMBEDDING} IN ACCESS SHARE MODE")
        job = site.call("POST", "/backup", {"truncate_vector_tables": True, "async": True})["job_id"]
        visit.open(f"#/jobs/{job}")
        heading(page, "Running")
        press(page, "Cancel")
        heading(page, "Cancelled")
        blocker.close()
    again = page.get_by_role("button", name="Back up again")
    expect(again).to_be_disabled()
    page.get_by_label("Type the name of the database").fill(site.database.dbname)
    expect(again).to_be_enabled()
    assert len(site.rows()) == 61


def test_a_check_is_confirmed_once_and_says_so(site: Any, visit: Any) -> None:
    timestamp = site.back_up()
    visit.open()
    choose_restore(visit.page, timestamp, "Beside")
    heading(visit.page, "It would succeed")
    press(visit.page, "Restore now")
    heading(visit.page, "Succeeded")
    visit.page.go_back()
    heading(visit.page, "It would succeed")
    press(visit.page, "Restore now")
    expect(visit.page.get_by_role("alert")).to_contain_text("nothing was started now")
    heading(visit.page, "It would succeed")


def test_the_plan_of_a_limited_set_says_what_it_leaves_alone(site: Any, visit: Any) -> None:
    timestamp = site.back_up(collections=["notes"])
    visit.open()
    choose_restore(visit.page, timestamp, "Sync")
    heading(visit.page, "It would succeed")
    expect(visit.page.get_by_text("Only these collections; all others stay as they are: notes")).to_be_visible()


def test_a_check_that_cannot_be_made_again_says_why(site: Any, visit: Any) -> None:
    page, timestamp = visit.page, site.back_up()
    visit.open()
    choose_restore(page, timestamp, "Sync")
    heading(page, "It would succeed")
    for file in site.output.rglob(f"*{timestamp}*"):
        file.unlink()
    visit.expected.add(404)
    press(page, "Check again")
    expect(page.get_by_role("alert")).to_contain_text("RESOURCE_NOT_FOUND")


def test_ages_are_told_anew_while_a_page_is_open(site: Any, visit: Any) -> None:
    page, timestamp = visit.page, site.back_up()
    page.clock.install()
    visit.open()
    expect(row_of(page, timestamp)).to_contain_text("just now")
    page.clock.fast_forward("03:00:00")
    expect(row_of(page, timestamp)).to_contain_text("3 hours ago")


def test_a_time_that_never_was_has_no_age(site: Any, visit: Any) -> None:
    place = site.output / "manual_odd" / "vector_bak"
    place.mkdir(parents=True)
    for second in ("20250722_999998", "20250722_999999"):
        for table in ("collection", "embedding"):
            (place / f"langchain_pg_{table}_{second}.csv").write_text("id\n")
    visit.open()
    expect(row_of(visit.page, "20250722_999999").get_by_role("rowheader")).to_have_text("2025-07-22 99:99:99–")


def test_the_list_of_jobs_has_no_gap_when_new_ones_come(site: Any, visit: Any) -> None:
    page = visit.page
    site.back_up()
    site.history.execute(MANY_JOBS)
    page.clock.install()
    visit.open("#/jobs")
    expect(page.get_by_role("row")).to_have_count(31)
    links = page.locator("tbody tr th a")
    before = [link.get_attribute("href") for link in links.all()]
    job = site.call("POST", "/restore", {**named(site.back_up()), "strategy": "sync", "dry_run": True, "async": True})
    page.clock.fast_forward(16_000)
    expect(links.first).to_have_attribute("href", f"#/plan/{job['job_id']}")
    press(page, "Show more")
    expect(links.nth(32)).to_be_visible()
    after = [link.get_attribute("href") for link in links.all()]
    assert after[2 : 2 + len(before)] == before


def named(timestamp: str) -> dict[str, Any]:
    return {"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": timestamp}


def test_a_job_that_ends_while_somebody_looks_says_when(site: Any, visit: Any) -> None:
    page = visit.page
    with stalled(site):
        body = {**named(site.back_up()), "truncate_before_restore": True, "async": True}
        job = site.call("POST", "/restore", body)["job_id"]
        visit.open(f"#/jobs/{job}")
        heading(page, "Running")
        page.get_by_role("button", name="Cancel").focus()
        page.keyboard.press("Enter")
        heading(page, "Cancelled")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.get_by_text("About this job").click()
    expect(page.locator("dl div").filter(has_text="Finished")).not_to_contain_text("–")


def test_what_is_focused_stays_so_when_the_table_is_drawn_again(site: Any, visit: Any) -> None:
    page, timestamp = visit.page, site.back_up()
    visit.open()
    verify = row_of(page, timestamp).get_by_role("button", name="Verify")
    verify.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Every byte")
    page.keyboard.press("Escape")
    expect(verify).to_be_focused()
    switch = page.get_by_role("button", name="中文")
    switch.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="English")).to_be_focused()


def test_a_service_that_is_silent_is_not_said_to_work(site: Any, visit: Any) -> None:
    page = visit.page
    timestamp = site.back_up()
    visit.open("#/status")
    expect(page.get_by_role("row").filter(has_text="Configured")).to_contain_text("works")
    page.route("**/readyz", lambda route: route.abort())
    press(page, "Look again")
    expect(page.get_by_text("The service doesn't answer.")).to_be_visible()
    with stalled(site):
        body = {**named(timestamp), "truncate_before_restore": True, "async": True}
        job = site.call("POST", "/restore", body)["job_id"]
        page.route("**/events", lambda route: route.abort())
        visit.open(f"#/jobs/{job}")
        expect(page.get_by_text("No news from the service")).to_be_visible()
        page.unroute_all()
        expect(page.get_by_text("No news from the service")).to_be_hidden()
        page.clock.install()
        visit.open("#/jobs")
        page.route("**/jobs?*", lambda route: route.abort())
        page.clock.fast_forward(2_100)
        expect(page.get_by_text("No news from the service")).to_be_visible()
        page.unroute_all()
        page.clock.fast_forward(2_100)
        expect(page.get_by_text("No news from the service")).to_have_count(0)
        site.call("POST", f"/jobs/{job}/cancel")
    assert {fault.rpartition(":")[2] for fault in visit.faults} == {"ERR_FAILED"}
    visit.faults.clear()


def test_every_collection_of_the_backup_is_not_everything_in_the_tables(site: Any, visit: Any) -> None:
    """The live tables may have collections that the backup doesn't: whoever chooses keeps them."""
    timestamp = site.back_up()
    site.database.execute("INSERT INTO langchain_pg_collection VALUES (gen_random_uuid(), 'newer', '{}')")
    visit.open(f"#/restore/local/global/{timestamp}")
    visit.page.get_by_role("radio", name="Only some collections").check()
    press(visit.page, "Check what would happen")
    heading(visit.page, "It would succeed")
    expect(visit.page.get_by_text("Only these collections; all others stay as they are:")).to_contain_text("notes")
    press(visit.page, "Restore now")
    heading(visit.page, "Succeeded")
    assert site.database.fetch("SELECT count(*) FROM langchain_pg_collection WHERE name = 'newer'") == [(1,)]


def test_an_address_that_leads_nowhere_says_so(visit: Any) -> None:
    visit.open("#/nothing/here")
    heading(visit.page, "There is no such page")


def test_a_name_that_is_not_the_database_s_is_called_so(site: Any, visit: Any) -> None:
    timestamp = site.back_up()
    site.database.execute("INSERT INTO langchain_pg_collection VALUES (gen_random_uuid(), 'newer', '{}')")
    visit.open()
    choose_restore(visit.page, timestamp, "Replace")
    heading(visit.page, "It would succeed")
    box = visit.page.get_by_role("textbox", name="Type the name of the database")
    box.fill("another")
    box.press("Enter")
    expect(visit.page.get_by_text("That isn't the name.")).to_be_visible()
    box.fill(site.database.dbname)
    expect(visit.page.get_by_text("That isn't the name.")).to_have_count(0)
    expect(visit.page.get_by_role("button", name="Restore now")).to_be_enabled()


def test_tables_that_backups_leave_out_are_told_by_the_status_and_by_a_backup(site: Any, visit: Any) -> None:
    page = visit.page
    left_out = "tables with vector columns that this backup leaves out: public.kb_articles (1 rows)"
    site.database.execute("CREATE TABLE kb_articles (embedding vector(3)); INSERT INTO kb_articles VALUES ('[1,2,3]')")
    try:
        visit.open("#/status")
        expect(page.get_by_text(left_out)).to_be_visible()
        visit.open()
        press(page, "Back up now")
        page.get_by_role("dialog").get_by_role("button", name="Back up").click()
        heading(page, "Succeeded")
        expect(page.get_by_text(left_out)).to_be_visible()
    finally:
        site.database.execute("DROP TABLE kb_articles")
    visit.open("#/status")
    expect(page.get_by_role("row").filter(has_text="Configured")).to_contain_text("works")
