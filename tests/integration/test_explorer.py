"""The page at /openapi/, in a real browser: it shows every operation, and asks nobody but the service."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from data_pipeline.api.manual import MANUAL

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture
def page() -> Iterator[Any]:
    if BROWSER is None:
        pytest.skip("no Chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser.new_page()
        browser.close()


@pytest.mark.parametrize("path", ["/openapi/", "/openapi/swagger"])
def test_the_page_shows_every_operation_and_asks_nobody_else(live_server: Any, page: Any, path: str) -> None:
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"http://{live_server.address}{path}")
    page.wait_for_selector(".opblock")
    assert page.locator(".opblock").count() == len(MANUAL)
    assert [url for url in asked if not url.startswith((f"http://{live_server.address}/openapi/", "data:"))] == []
    assert said == []  # nor anything that the Content-Security-Policy refused


def test_a_request_can_be_tried(live_server: Any, page: Any) -> None:
    page.goto(f"http://{live_server.address}/openapi/#/Operations/healthz")
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.wait_for_selector(".live-responses-table")
    assert "服务运行正常" in page.locator(".live-responses-table").inner_text()
