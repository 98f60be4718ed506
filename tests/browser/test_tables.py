"""What a database has, in the panel."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.steps import heading, press

TABLES = """
CREATE TABLE "知识 ""kb"" 库" (id uuid PRIMARY KEY, body text NOT NULL, meaning vector(3) NOT NULL);
CREATE TABLE notes (n int, source text REFERENCES langchain_pg_embedding (id));
CREATE VIEW seen AS SELECT embedding FROM langchain_pg_embedding;
ANALYZE
"""


PRICES = """
CREATE TABLE prices (model text PRIMARY KEY, price int, source text NOT NULL DEFAULT 'list');
INSERT INTO prices VALUES ('gpt-4', 1, 'list'), ('gpt-5', 2, 'manual'), ('mine', 7, 'manual'), ('old', 1, 'list')
"""


@pytest.fixture(scope="module")
def site(make_site: Callable[..., Any]) -> Any:
    site = make_site(TARGETS='{"staging": "postgresql://app@127.0.0.1:1/app"}')
    site.refill()
    site.database.execute(TABLES)
    return site


def rows(page: Any) -> Any:
    return page.get_by_role("rowheader")


def test_tables_are_found_told_and_looked_into(site: Any, visit: Any) -> None:
    page = visit.page
    visit.open()
    page.get_by_role("link", name="Tables").click()
    heading(page, "Tables")
    expect(page.get_by_role("status").filter(has_text="5 tables")).to_be_visible()
    kb = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name='知识 "kb" 库'))
    expect(kb).to_contain_text("LangChain PGVectorStore")
    expect(kb).to_contain_text("meaning vector(3)")
    seen = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="public.seen"))
    expect(seen).to_contain_text("it is a view")
    page.get_by_label("Show").select_option("With vectors")
    expect(rows(page)).to_have_count(3)
    page.get_by_label("Filter").fill("notes")
    expect(page.get_by_text("There are none.")).to_be_visible()
    page.get_by_label("Show").select_option("All tables")
    expect(rows(page)).to_have_count(1)
    page.get_by_text("Details").click()
    expect(rows(page)).to_contain_text("source → public.langchain_pg_embedding (id)")


def test_one_click_backs_a_table_up_with_those_it_refers_to(site: Any, visit: Any) -> None:
    page = visit.page
    visit.open("#/tables")
    page.get_by_role("button", name="Back up public.notes").click()
    heading(page, "Succeeded")
    saved = {re.sub(r"_[0-9]{8}_[0-9]{6}.*", "", path.name) for path in (site.output / "vector_bak").glob("public.*")}
    assert saved == {"public.notes", "public.langchain_pg_embedding", "public.langchain_pg_collection"}
    visit.open("#/tables")
    page.get_by_role("button", name='Back up public.知识 "kb" 库').click()
    heading(page, "Succeeded")
    visit.open("#/tables")
    page.get_by_role("button", name="Back up public.langchain_pg_embedding").click()
    heading(page, "Succeeded")
    assert list((site.output / "vector_bak").glob("langchain_pg_embedding_*"))


def test_a_target_that_is_away_says_so(site: Any, visit: Any) -> None:
    page = visit.page
    visit.expected.add(500)
    visit.open("#/tables")
    page.get_by_label("Database").select_option("staging")
    heading(page, "This can't be shown")
    expect(page.get_by_role("alert")).to_contain_text("DATABASE_ERROR")


def test_some_tables_are_backed_up_and_some_of_their_rows_come_back_under_another_name(site: Any, visit: Any) -> None:
    page = visit.page
    site.database.execute(
        "DROP TABLE IF EXISTS tenants, tenants_old; CREATE TABLE tenants (id int PRIMARY KEY, tenant text, body text);"
        "INSERT INTO tenants VALUES (1, 'a', 'one'), (2, 'b', 'two'), (3, 'a', 'three')"
    )
    visit.open()
    press(page, "Back up now")
    page.get_by_role("radio", name="Any tables").check()
    page.locator("dialog summary").click()
    expect(page.get_by_label("Empty the embedding table afterwards")).not_to_be_visible()
    page.get_by_label("public.tenants", exact=True).check()
    others = page.locator("dialog input[name=table]:checked:not([value='public.tenants'])").all()
    for ticked in reversed(others):
        ticked.uncheck()
    press(page, "Back up")
    heading(page, "Succeeded")
    set_ = sorted((site.output / "vector_bak").glob("public.tenants_2*"))[-1].stem.removeprefix("public.tenants_")
    site.database.execute("UPDATE tenants SET body = 'changed'")
    visit.open(f"#/restore/local/global/{set_}")
    page.get_by_role("radio", name="Only some rows").check()
    page.get_by_label("Column", exact=True).fill("tenant")
    page.get_by_label("Values", exact=True).fill("a")
    expect(page.get_by_role("radio", name="Beside: as new collections")).to_have_count(0)
    press(page, "Check what would happen")
    heading(page, "It would succeed")
    expect(page.get_by_role("listitem").filter(has_text="Only rows whose tenant is one of these")).to_be_visible()
    expect(page.get_by_text("public.tenants: 2 live rows will be overwritten.")).to_be_visible()
    page.get_by_role("link", name="Change the choices").click()
    expect(page.get_by_label("Values", exact=True)).to_have_value("a")
    page.get_by_role("radio", name="All rows").check()
    page.get_by_text("Into tables of other names").click()
    page.get_by_label("public.tenants into").fill("public.tenants_old")
    page.get_by_role("checkbox", name="Create what is missing").check()
    page.get_by_role("radio", name="Add: keep what is there").check()
    page.get_by_role("checkbox", name="Back up first").uncheck()
    press(page, "Check what would happen")
    heading(page, "It would succeed")
    expect(page.get_by_text("public.tenants → public.tenants_old")).to_be_visible()
    press(page, "Restore now")
    heading(page, "Succeeded")
    assert site.database.fetch("SELECT body FROM tenants_old ORDER BY id") == [("one",), ("two",), ("three",)]
    assert site.database.fetch("SELECT DISTINCT body FROM tenants") == [("changed",)]


@pytest.fixture
def prices(site: Any) -> Iterator[None]:
    site.database.execute(PRICES)
    yield
    site.database.execute("DROP TABLE prices")


@pytest.mark.usefixtures("prices")
def test_a_file_of_prices_is_counted_and_then_merged(site: Any, visit: Any, tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_text('{"gpt-4": {"price": 3}, "gpt-5": {"price": 5}, "new": {"price": 1}}', encoding="utf-8")
    page = visit.page
    visit.open("#/tables")
    expect(page.get_by_role("button", name="Import rows into public.seen")).to_have_count(0)
    page.get_by_role("button", name="Import rows into public.prices").click()
    box = page.get_by_role("dialog")
    box.get_by_label("File").set_input_files(file)
    box.get_by_label("Key columns").fill("model")
    box.get_by_role("radio", name="Replace").check()
    box.get_by_label("Rows to keep").fill("source = manual")
    box.get_by_label("Overwrite all the same").fill("gpt-5")
    box.get_by_role("button", name="Count only").click()
    expect(box.get_by_text("Nothing was written.")).to_be_visible()
    told = {name: box.locator("dt", has_text=name).locator("+ dd") for name in ("Added", "Updated", "Kept", "Removed")}
    for name, count in {"Added": "1", "Updated": "2", "Kept": "1", "Removed": "1"}.items():
        expect(told[name]).to_have_text(count)
    before = site.database.fetch("SELECT model FROM prices ORDER BY 1")
    assert before == [("gpt-4",), ("gpt-5",), ("mine",), ("old",)]
    go = box.get_by_role("button", name="Import rows")
    expect(go).to_be_disabled()
    box.get_by_label("Type the table's name").fill("public.prices")
    go.click()
    expect(page.get_by_role("dialog").get_by_role("button", name="Close")).to_be_visible()
    expect(page.get_by_role("dialog").get_by_text("Entries in the file")).to_be_visible()
    rows_now = site.database.fetch("SELECT model, price FROM prices ORDER BY 1")
    assert rows_now == [("gpt-4", 3), ("gpt-5", 5), ("mine", 7), ("new", 1)]
    page.get_by_role("dialog").get_by_role("button", name="Close").click()


@pytest.mark.usefixtures("prices")
def test_a_file_with_an_unknown_column_is_named_and_nothing_is_written(site: Any, visit: Any, tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_text('{"gpt-4": {"cost": 3}}', encoding="utf-8")
    page = visit.page
    visit.expected = {400}
    visit.open("#/tables")
    page.get_by_role("button", name="Import rows into public.prices").click()
    box = page.get_by_role("dialog")
    box.get_by_label("File").set_input_files(file)
    box.get_by_role("button", name="Import rows").click()
    expect(box.get_by_role("alert")).to_contain_text("cost")
    assert site.database.fetch("SELECT count(*) FROM prices WHERE price = 1") == [(2,)]
