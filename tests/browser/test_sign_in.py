"""Signing in, and requests that somebody else's page, or a stolen cookie alone, would send."""

import json
import time
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from data_pipeline.api import PREFIX
from tests.browser.accessibility import SCHEMES, keep_and_check

TOKEN = "the-token-that-opens-everything"
READ_TOKEN = "the-token-that-only-reads"


@pytest.fixture(scope="module")
def site(make_site: Callable[..., Any]) -> Any:
    site = make_site(API_TOKEN=TOKEN, API_READ_TOKEN=READ_TOKEN)
    site.refill()
    site.call("POST", "/backup", {}, Authorization=f"Bearer {TOKEN}")
    return site


def sign_in(page: Page, token: str) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in with the token").click()


@pytest.fixture
def inside(site: Any, open_panel: Callable[..., Any]) -> Any:
    """Somebody who has signed in with the token that opens everything."""
    visit = open_panel(site)
    sign_in(visit.page, TOKEN)
    expect(visit.page.get_by_role("heading", level=1, name="Backups")).to_be_visible()
    return visit


def sent(site: Any, method: str, path: str, **headers: str) -> tuple[int, str | None]:
    """The status and error type of a request that no browser of ours makes."""
    connection = HTTPConnection(site.server.address, timeout=30)
    connection.request(method, PREFIX + path, None, headers)
    response = connection.getresponse()
    data = json.load(response)["data"]
    connection.close()
    return response.status, data.get("error_type")


def cookie_of(visit: Any) -> dict[str, Any]:
    (cookie,) = visit.page.context.cookies()
    return dict(cookie)


def test_a_wrong_token_is_refused_and_the_right_one_opens_the_page_that_was_wanted(
    site: Any, open_panel: Callable[..., Any]
) -> None:
    visit = open_panel(site, "#/jobs")
    page = visit.page
    expect(page.get_by_role("heading", level=1, name="Sign in")).to_be_visible()
    expect(page.get_by_role("navigation")).to_have_count(0)
    visit.expected.add(401)
    sign_in(page, "a-token-nobody-has-given")
    expect(page.get_by_role("alert")).to_contain_text("UNAUTHORIZED")
    sign_in(page, TOKEN)
    expect(page.get_by_role("heading", level=1, name="Jobs")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", level=1, name="Jobs")).to_be_visible()


@pytest.mark.parametrize(("scheme", "locale"), SCHEMES)
def test_the_way_in_is_open_to_all(site: Any, open_panel: Callable[..., Any], scheme: str, locale: str) -> None:
    page = open_panel(site, color_scheme=scheme, locale=locale, bypass_csp=True).page
    keep_and_check(page, "sign-in", scheme)


def test_the_token_is_kept_nowhere_in_the_browser(inside: Any) -> None:
    page, cookie = inside.page, cookie_of(inside)
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert 0 < cookie["expires"] - time.time() <= 12 * 3600
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])")
    for text in (kept, page.content(), cookie["value"], inside.site.server.log):
        assert TOKEN not in text
    assert cookie["value"] not in kept


def test_signing_out_ends_it(inside: Any) -> None:
    inside.page.get_by_role("button", name="Sign out").click()
    expect(inside.page.get_by_role("heading", level=1, name="Sign in")).to_be_visible()
    assert inside.page.context.cookies() == []
    inside.page.reload()
    expect(inside.page.get_by_role("heading", level=1, name="Sign in")).to_be_visible()


def test_a_session_that_ends_meanwhile_leads_back_to_the_same_page(inside: Any) -> None:
    page = inside.page
    inside.expected.add(401)
    page.context.clear_cookies()
    page.get_by_role("link", name="Status").click()
    expect(page.get_by_role("heading", level=1, name="Sign in")).to_be_visible()
    sign_in(page, TOKEN)
    expect(page.get_by_role("heading", level=1, name="Status")).to_be_visible()


def test_whoever_signed_in_may_write(inside: Any) -> None:
    page = inside.page
    page.get_by_role("button", name="Back up now").click()
    page.get_by_role("button", name="Back up", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Succeeded")


def test_the_reading_token_looks_verifies_and_changes_nothing(site: Any, open_panel: Callable[..., Any]) -> None:
    visit = open_panel(site)
    page = visit.page
    sign_in(page, READ_TOKEN)
    expect(page.get_by_text("You signed in with the token that only reads")).to_be_visible()
    for name in ("Back up now", "Delete", "Restore"):
        refused = page.get_by_role("button", name=name).first
        expect(refused).to_have_attribute("aria-disabled", "true")
        expect(refused).to_have_attribute("title", "The token you signed in with only reads.")
        refused.click(force=True)
        expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Verify").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("Every byte")
    page.get_by_role("button", name="Close").click()
    page.get_by_role("link", name="Tables").click()
    refused = page.get_by_role("button", name="Back up public.langchain_pg_embedding")
    expect(refused).to_have_attribute("aria-disabled", "true")
    cookie, csrf = (
        cookie_of(visit),
        visit.page.evaluate(f"fetch('{PREFIX}/session').then((r) => r.json())")["data"]["csrf_token"],
    )
    headers = {"Cookie": f"vector_session={cookie['value']}", "X-CSRF-Token": csrf}
    assert sent(site, "POST", "/backup", **headers) == (403, "FORBIDDEN")


def test_a_page_writes_on_after_somebody_signed_in_again_in_another_tab(inside: Any) -> None:
    inside.expected.add(403)
    other = inside.page.context.new_page()
    other.goto(inside.site.url)
    other.get_by_role("button", name="Sign out").click()
    sign_in(other, TOKEN)
    expect(other.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    inside.page.get_by_role("button", name="Back up now").click()
    inside.page.get_by_role("button", name="Back up", exact=True).click()
    expect(inside.page.get_by_role("heading", level=1)).to_contain_text("Succeeded")


def test_what_is_typed_stays_when_more_calls_find_the_session_over(inside: Any) -> None:
    page = inside.page
    inside.expected.add(401)
    page.context.clear_cookies()
    page.get_by_role("link", name="Jobs").click()
    page.get_by_label("Token").fill("half a tok")
    page.evaluate("document.dispatchEvent(new Event('signed-out'))")
    expect(page.get_by_label("Token")).to_have_value("half a tok")


def test_signing_out_that_fails_says_so(inside: Any) -> None:
    inside.page.route(f"**{PREFIX}/session", lambda route: route.abort())
    inside.page.get_by_role("button", name="Sign out").click()
    expect(inside.page.get_by_role("dialog", name="You are still signed in")).to_contain_text("doesn't answer")
    assert [fault.partition(":")[0] for fault in inside.faults] == ["error"]
    inside.faults.clear()


def test_a_write_needs_more_than_the_cookie(inside: Any) -> None:
    site = inside.site
    cookie = {"Cookie": f"vector_session={cookie_of(inside)['value']}"}
    csrf = inside.page.evaluate(f"fetch('{PREFIX}/session').then((r) => r.json())")["data"]["csrf_token"]
    set_ = site.call("GET", "/restore/list", **cookie)["backup_locations"][0]["backups"][0]["timestamp"]
    path = f"/backups/global/{set_}"
    foreign = {"X-CSRF-Token": csrf, "Origin": "https://evil.example.com"}
    for headers in (
        {},
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "0" * 64},
        {"X-CSRF-Token": "é"},
        foreign,
        {"X-CSRF-Token": csrf, "Sec-Fetch-Site": "cross-site"},
    ):
        assert sent(site, "DELETE", path, **cookie, **headers) == (403, "FORBIDDEN")
        assert sent(site, "POST", "/backup", **cookie, **headers) == (403, "FORBIDDEN")
    assert sent(site, "DELETE", path, **{"X-CSRF-Token": csrf}) == (401, "UNAUTHORIZED")
    assert sent(site, "GET", "/restore/list", **cookie, Origin="https://evil.example.com") == (403, "FORBIDDEN")
    assert list(site.output.rglob(f"*{set_}*"))
    assert sent(site, "DELETE", path, **cookie, **{"X-CSRF-Token": csrf}) == (200, None)


def test_a_page_of_another_site_gets_nothing_done(inside: Any, browser: Any) -> None:
    """Its form is sent without the cookie, and refused even so."""
    page = inside.page.context.new_page()
    answers: list[int] = []
    page.on("response", lambda response: answers.append(response.status))
    address = inside.site.url.replace("127.0.0.1", "localhost")  # another site to a browser, the same service
    page.route(
        "https://evil.example.com/",
        lambda route: route.fulfill(
            content_type="text/html",
            body=f"""
        <form method="post" action="{address}{PREFIX}/backup" enctype="text/plain"></form>
        <form method="post" action="{inside.site.url}{PREFIX}/backup" enctype="text/plain"></form>""",
        ),
    )
    for form in (0, 1):
        page.goto("https://evil.example.com/")
        with page.expect_navigation():
            page.evaluate(f"document.forms[{form}].submit()")
    assert [status for status in answers if status != 200] == [403, 403]
    page.close()
