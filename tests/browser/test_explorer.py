"""The page at /openapi/, in a real browser: it shows every operation, and asks nobody but the service."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import PATIENCE
from tests.described import Described


@pytest.fixture(scope="module")
def site(make_site: Callable[..., Any]) -> Any:
    return make_site()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    page.close()


@pytest.mark.parametrize("path", ["/openapi/", "/openapi/swagger"])
def test_the_page_shows_every_operation_and_asks_nobody_else(
    site: Any, page: Page, path: str, described: Described
) -> None:
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{site.url}{path}")
    page.wait_for_selector(".opblock")
    assert page.locator(".opblock").count() == len(described.operations)
    assert [url for url in asked if not url.startswith((f"{site.url}/openapi/", "data:"))] == []
    assert said == []  # nor anything that the Content-Security-Policy refused


def test_a_request_can_be_tried(site: Any, page: Page) -> None:
    page.goto(f"{site.url}/openapi/#/Operations/healthz")
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.wait_for_selector(".live-responses-table")
    assert "服务运行正常" in page.locator(".live-responses-table").inner_text()
