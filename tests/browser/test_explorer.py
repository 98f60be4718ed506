"""The page at /openapi/, in a real browser: it shows every operation, and asks only the service."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
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


def test_the_page_shows_every_operation_asks_only_the_service_and_tries_a_request(
    site: Any, page: Page, described: Described
) -> None:
    """Drawing it is what takes long, so that it is drawn once."""
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{site.url}/openapi/#/Operations/healthz")
    page.wait_for_selector(".opblock")
    assert page.locator(".opblock").count() == len(described.operations)
    assert [url for url in asked if not url.startswith((f"{site.url}/openapi/", "data:"))] == []
    assert said == []  # nor anything that the Content-Security-Policy refused
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.wait_for_selector(".live-responses-table")
    assert "服务运行正常" in page.locator(".live-responses-table").inner_text()


def test_it_is_the_same_page_by_its_longer_name(site: Any) -> None:
    """With the same addresses of what it loads, which are relative."""
    short, long = (requests.get(f"{site.url}/openapi/{name}", timeout=30) for name in ("", "swagger"))
    assert [(one.url, one.text.strip(), one.headers["Content-Security-Policy"]) for one in (short, long)] == [
        (f"{site.url}/openapi/{name}", short.text.strip(), short.headers["Content-Security-Policy"])
        for name in ("", "swagger")
    ]
