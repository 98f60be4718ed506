"""What a page that nobody is shut out of must pass, and where pictures of pages are kept."""

import os
from collections.abc import Iterable
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

PROJECT = Path(__file__).resolve().parents[2]
SERIOUS = ("serious", "critical")
WIDTHS = {"light": (1280, 360), "dark": (360, 1280)}
SCHEMES = [("light", "en-US"), ("dark", "zh-CN")]


def half(pages: Iterable[str], scheme: str) -> list[str]:
    """Every day each page in one of the two schemes."""
    first = [one for one, _ in SCHEMES].index(scheme)
    return list(pages)[first :: len(SCHEMES)]


def keep_and_check(page: Page, name: str, scheme: str) -> None:
    """Keep a picture at each width, where nothing is wider than the screen; axe has no serious finding at the last."""
    for width in WIDTHS[scheme]:
        page.set_viewport_size({"width": width, "height": 800})
        page.screenshot(path=_pictures() / f"{name}-{width}-{scheme}.png", full_page=True, animations="disabled")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    found = Axe().run(page).response["violations"]
    serious = [one for one in found if one["impact"] in SERIOUS]
    assert [(name, one["id"], [node["target"] for node in one["nodes"]]) for one in serious] == []


def _pictures() -> Path:
    directory = Path(os.environ.get("SCREENSHOTS") or PROJECT / ".local" / "screenshots")
    directory.mkdir(parents=True, exist_ok=True)
    return directory
