"""Every page, narrow and wide, light and dark: nobody is shut out, and a picture of each is kept."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from data_pipeline.api import BASE
from tests.browser.accessibility import SCHEMES, half, keep_and_check


@pytest.fixture(scope="module")
def site(make_site: Callable[..., Any]) -> Any:
    site = make_site(TARGETS='{"staging": "postgresql://app:secret-of-staging@127.0.0.1:1/app"}')
    site.refill()
    for count in (20, 12, 3):
        site.back_up()
        site.database.execute(
            f"DELETE FROM langchain_pg_embedding WHERE id IN (SELECT id FROM langchain_pg_embedding LIMIT {count})"
        )
    site.back_up(format="binary")
    site.write_damaged_set()
    resources = {
        "schedules": {
            "name": "nightly-of-the-production",
            "when": "30 2 29 3 *",
            "zone": "America/Argentina/Buenos_Aires",
        },
        "notifiers": {
            "name": "operations",
            "url": "https://example.com/hook",
            "schedules": ["nightly-of-the-production"],
        },
        "targets": {"name": "reports", "url": "postgresql://app:secret-of-reports@127.0.0.1:1/reports"},
    }
    for kind, body in resources.items():
        site.call("POST", f"/{kind}", body, prefix=BASE)
    return site


DIALOGS = {
    "dialog-upload": ".title button",
    "dialog-backup": ".title button.primary",
    "dialog-delete": "td.actions button:last-child",
}
EVERY_WIDTH = (360, 390, 480, 600, 768, 834, 900, 959, 961, 1024, 1100, 1180, 1280, 1920)


def pages(site: Any) -> dict[str, str]:
    """Every page by a name for its picture."""
    newest, *_, oldest = [
        backup["timestamp"]
        for place in site.call("GET", "/restore/list")["backup_locations"]
        if place["type"] == "global"
        for backup in place["backups"]
    ]
    named = {"backup_path": "./data_pipeline/training_data/vector_bak"}
    ask = {"async": True}
    bad = {
        "backup_path": "./data_pipeline/training_data/task_20250721_213627/vector_bak",
        "timestamp": "20250722_010318",
    }
    jobs = {
        "plan": {**named, "timestamp": newest, "truncate_before_restore": True, "dry_run": True, **ask},
        "plan-bad": {**bad, "strategy": "sync", "dry_run": True, **ask},
        "job-done": {**named, "timestamp": oldest, "strategy": "sync", "backup_before_restore": True, **ask},
        "job-failed": {**bad, "strategy": "sync", **ask},
    }
    started = {name: site.call("POST", "/restore", body)["job_id"] for name, body in jobs.items()}
    return {
        "overview": "",
        "backups": "#/backups",
        "backup": f"#/backups/local/global/{newest}",
        "restore": f"#/restore/local/global/{newest}",
        **{name: f"#/{'plan' if 'plan' in name else 'jobs'}/{job}" for name, job in started.items()},
        "jobs": "#/jobs",
        "compare": f"#/compare?a=local/global/{oldest}&b=local/global/{newest}",
        "tables": "#/tables",
        **{name: f"#/{name}" for name in ("schedules", "targets", "storages", "notifiers", "status")},
    }


def settled(page: Any) -> None:
    """Until nothing more is expected to come."""
    expect(page.locator(".waiting, .card.progress, .why:empty")).to_have_count(0)
    expect(page.get_by_text("…", exact=True)).to_have_count(0)


@pytest.mark.parametrize("share", [2, pytest.param(1, marks=pytest.mark.slow)], ids=["a half", "all"])
@pytest.mark.parametrize(("scheme", "locale"), SCHEMES)
def test_every_page_is_open_to_all(
    site: Any, open_panel: Callable[..., Any], scheme: str, locale: str, share: int
) -> None:
    """Every day each page in one of the two: half of them light and in English, the other half dark and in Chinese."""
    visit = open_panel(site, color_scheme=scheme, locale=locale, bypass_csp=True)  # axe comes as a script in the page
    known = pages(site)
    for name in half(known, scheme) if share > 1 else known:
        visit.open(known[name])
        settled(visit.page)
        keep_and_check(visit.page, name, scheme)
        if scheme == "light" or share > 1:
            assert overflowing(visit.page) == {}, name


def overflowing(page: Any) -> dict[int, int]:
    """The widths of windows that are too narrow for a page, and how wide it is there."""
    found = {}
    for width in EVERY_WIDTH:
        page.set_viewport_size({"width": width, "height": 800})
        found[width] = page.evaluate("document.documentElement.scrollWidth")
    return {width: wide for width, wide in found.items() if wide > width}


@pytest.mark.parametrize(("scheme", "locale"), SCHEMES)
def test_every_dialog_is_open_to_all(site: Any, open_panel: Callable[..., Any], scheme: str, locale: str) -> None:
    page = open_panel(site, color_scheme=scheme, locale=locale, bypass_csp=True).page
    for name, control in DIALOGS.items():
        page.locator(control).first.click()
        for details in page.locator("dialog summary").all():
            details.click()
        keep_and_check(page, name, scheme)
        page.keyboard.press("Escape")
        expect(page.locator("dialog")).to_have_count(0)
