"""Users in the panel: the first admin, signing in with a password, roles, tokens, and what was done."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from data_pipeline.api import BASE
from data_pipeline.jobs.backend.accounts import secrets
from tests.browser.accessibility import SCHEMES, half, keep_and_check
from tests.browser.steps import heading, press
from tests.support.users import GUARDED, OTHER_PASSWORD, PASSWORD, TOKEN, bearer


@pytest.fixture(scope="module")
def site(make_site: Callable[..., Any]) -> Any:
    site = make_site(**GUARDED)
    site.refill()
    site.call("POST", "/backup", {}, **bearer(TOKEN))
    for name, role in (("alice", "admin"), ("olga", "operator"), ("otto", "operator"), ("vera", "viewer")):
        body = {"name": name, "role": role, "password": PASSWORD}
        site.call("POST", "/users", body, prefix=BASE, **bearer(TOKEN))
    return site


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.fixture
def inside(site: Any, open_panel: Callable[..., Any]) -> Callable[..., Any]:
    def enter(name: str, hash_: str = "#/backups") -> Any:
        visit = open_panel(site, hash_)
        sign_in(visit.page, name)
        expect(visit.page.get_by_role("link", name=f"Account of {name}")).to_be_visible()
        return visit

    return enter


def test_the_link_of_the_first_start_makes_an_admin_who_is_signed_in(
    make_site: Callable[..., Any], open_panel: Callable[..., Any]
) -> None:
    site = make_site(**GUARDED)
    link = secrets.new(secrets.LINK)
    site.history.execute("INSERT INTO vector_jobs.first_links VALUES (%s, now() + '1 day')", (secrets.digest(link),))
    page = open_panel(site, f"#/first/{link}").page
    heading(page, "Create the first admin")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Create the first admin").click()
    heading(page, "Overview")
    assert link not in page.url
    expect(page.get_by_role("link", name="Account of alice")).to_be_visible()


def test_an_admin_makes_a_user_gives_another_role_and_deletes_it(inside: Callable[..., Any]) -> None:
    page = inside("alice", "#/users").page
    heading(page, "Users")
    press(page, "Create a user")
    page.get_by_label("User name").fill("carol")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("dialog").get_by_role("button", name="Create a user").click()
    row = page.get_by_role("row").filter(has_text="carol")
    expect(row).to_contain_text("Viewer")
    press(page, "Change carol")
    page.get_by_label("Role").select_option("operator")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(row).to_contain_text("Operator")
    press(page, "Delete carol")
    page.get_by_label("Type carol to confirm").fill("carol")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


def test_what_is_refused_is_told_in_the_dialog(inside: Callable[..., Any]) -> None:
    visit = inside("alice", "#/users")
    visit.expected |= {400, 409}
    press(visit.page, "Create a user")
    visit.page.get_by_label("User name").fill("dave")
    visit.page.get_by_label("New password").fill("password1234")
    visit.page.get_by_label("The same again").fill("password1234")
    visit.page.get_by_role("dialog").get_by_role("button", name="Create a user").click()
    expect(visit.page.get_by_role("alert")).to_contain_text("easily guessed")
    visit.page.keyboard.press("Escape")
    press(visit.page, "Delete alice")
    visit.page.get_by_label("Type alice to confirm").fill("alice")
    visit.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(visit.page.get_by_role("alert")).to_contain_text("LAST_ADMIN")


def test_each_role_finds_what_it_may_do_and_is_told_why_the_rest_is_not(inside: Callable[..., Any]) -> None:
    shown = {"vera": ("A viewer only looks.", "Back up now"), "olga": ("Only an admin may do this.", "Delete")}
    for name, (reason, refused) in shown.items():
        page = inside(name).page
        button = page.get_by_role("button", name=refused).first
        expect(button).to_have_attribute("aria-disabled", "true")
        expect(button).to_have_attribute("title", reason)
        verify = page.get_by_role("button", name="Verify").first
        assert (verify.get_attribute("aria-disabled") == "true") is (name == "vera")


def test_a_token_is_shown_once_and_a_changed_password_keeps_this_session(site: Any, inside: Callable[..., Any]) -> None:
    page = inside("otto", "#/account").page
    press(page, "Create a token")
    page.get_by_label("Name", exact=True).fill("ci")
    page.get_by_role("dialog").get_by_role("button", name="Create a token").click()
    secret = page.get_by_role("dialog").locator("pre").inner_text()
    assert site.call("GET", "/restore/list", **bearer(secret))["summary"]["total_backup_sets"] >= 1
    press(page, "Close")
    expect(page.locator("dialog")).to_have_count(0)  # gone, and not only closed
    assert secret not in page.content()
    press(page, "Change the password")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password").fill(OTHER_PASSWORD)
    page.get_by_label("The same again").fill(OTHER_PASSWORD)
    page.get_by_role("dialog").get_by_role("button", name="Change the password").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    press(page, "Delete ci")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No tokens.")).to_be_visible()
    press(page, "Sign out everywhere")
    page.get_by_role("dialog").get_by_role("button", name="Sign out everywhere").click()
    heading(page, "Sign in")
    sign_in(page, "otto", OTHER_PASSWORD)
    heading(page, "Account")


def test_the_audit_log_tells_who_did_what(inside: Callable[..., Any]) -> None:
    page = inside("alice", "#/audit").page
    heading(page, "Audit log")
    expect(page.get_by_role("row").filter(has_text="Back up").first).to_contain_text("Admin token")
    page.get_by_label("Who").fill("alice")
    page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile("who=alice"))
    expect(page.get_by_role("row").nth(1)).to_contain_text("Sign in")


@pytest.mark.parametrize(("scheme", "locale"), SCHEMES)
def test_the_pages_about_users_are_open_to_all(
    site: Any, open_panel: Callable[..., Any], scheme: str, locale: str
) -> None:
    visit = open_panel(site, color_scheme=scheme, locale=locale, bypass_csp=True)
    page = visit.page
    page.locator("input[autocomplete=username]").fill("alice")
    page.locator("input[autocomplete=current-password]").fill(PASSWORD)
    page.locator("button.primary").click()
    expect(page.locator("a.account")).to_be_visible()
    for name in half(("users", "account", "audit"), scheme):
        visit.open(f"#/{name}")
        keep_and_check(page, name, scheme)
        if name != "audit":
            page.locator(".title button.primary").click()
            keep_and_check(page, f"dialog-{name}", scheme)
            page.keyboard.press("Escape")
