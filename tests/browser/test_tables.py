"""What a database has, in the panel."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.steps import heading

TABLES = """
CREATE TABLE "知识 ""kb"" 库" (id uuid PRIMARY KEY, body text NOT NULL, meaning vector(3) NOT NULL);
CREATE TABLE notes (n int, source text REFERENCES langchain_pg_embedding (id));
CREATE VIEW seen AS SELECT embedding FROM langchain_pg_embedding;
ANALYZE
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
    saved = {path.name.rpartition("_2")[0] for path in (site.output / "vector_bak").glob("public.*")}
    assert saved == {"public.notes", "public.langchain_pg_embedding", "public.langchain_pg_collection"}
    visit.open("#/tables")
    page.get_by_role("button", name='Back up public.知识 "kb" 库').click()
    heading(page, "Succeeded")
    visit.open("#/tables")
    page.get_by_role("button", name="Back up public.langchain_pg_embedding").click()
    heading(page, "Succeeded")
    assert list((site.output / "vector_bak").glob("langchain_pg_embedding_*"))


def test_a_reader_sees_the_tables_and_backs_nothing_up(
    make_site: Callable[..., Any], open_panel: Callable[..., Any]
) -> None:
    site = make_site(API_TOKEN="all-of-it-0123456789", API_READ_TOKEN="looking-0123456789")
    page = open_panel(site, "#/tables").page
    page.get_by_label("Token").fill("looking-0123456789")
    page.get_by_role("button", name="Sign in").click()
    heading(page, "Tables")
    button = page.get_by_role("button", name="Back up public.langchain_pg_embedding")
    expect(button).to_have_attribute("aria-disabled", "true")


def test_a_target_that_is_away_says_so(site: Any, visit: Any) -> None:
    page = visit.page
    visit.expected.add(500)
    visit.open("#/tables")
    page.get_by_label("Database").select_option("staging")
    heading(page, "This can't be shown")
    expect(page.get_by_role("alert")).to_contain_text("DATABASE_ERROR")
