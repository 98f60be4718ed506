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
    expect(seen).to_contain_text("it is a view, which has no rows of its own")
    page.get_by_label("Show").select_option("With vectors")
    expect(rows(page)).to_have_count(3)
    page.get_by_label("Filter").fill("notes")
    expect(page.get_by_text("There are none.")).to_be_visible()
    page.get_by_label("Show").select_option("All tables")
    expect(rows(page)).to_have_count(1)
    page.get_by_text("Details").click()
    expect(rows(page)).to_contain_text("source → public.langchain_pg_embedding (id)")


def test_a_target_that_is_away_says_so(site: Any, visit: Any) -> None:
    page = visit.page
    visit.expected.add(500)
    visit.open("#/tables")
    page.get_by_label("Database").select_option("staging")
    heading(page, "This can't be shown")
    expect(page.get_by_role("alert")).to_contain_text("DATABASE_ERROR")
