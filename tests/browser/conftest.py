"""A real browser in front of a real service and a real PostgreSQL.

The browser is the Chromium of the distribution, the one without windows if it is there: the same pages take it half of
the time. Where there is none these tests are skipped, unless BROWSER_TESTS is "required"; SCREENSHOTS names the
directory that keeps the pictures.
"""

import json
import os
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect, sync_playwright

from data_pipeline.api import PREFIX
from tests.conftest import JOBS, NEW, Databases, TestDatabase
from tests.live_server import LiveServer
from tests.support.names import DOCS

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = f"there is no browser on PATH ({', '.join(NAMES)})"
NOTES = "22222222-2222-4222-8222-222222222222"
SCRIPT = "<script>alert(1)</script>"
DAMAGED = "20250722_010318"
PATIENCE = 120_000
"""Milliseconds until a page counts as stuck, on a machine that has much else to do."""


def _executable() -> str | None:
    return next((path for path in map(shutil.which, NAMES) if path), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the session: while playwright runs, this thread has an event loop that other tests would stumble over."""
    executable = _executable()
    if executable is None:
        if os.environ.get("BROWSER_TESTS") == "required":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()


@dataclass
class Site:
    """The service, its database and its backups."""

    server: LiveServer
    database: TestDatabase
    output: Path
    history: TestDatabase

    @property
    def url(self) -> str:
        return f"http://{self.server.address}"

    def call(self, method: str, path: str, body: Any = None, prefix: str = PREFIX, **headers: str) -> Any:
        """The data of an answer that worked."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{prefix}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]

    def rows(self) -> list[tuple[Any, ...]]:
        return self.database.fetch("SELECT id, document FROM langchain_pg_embedding ORDER BY id")

    def refill(self) -> None:
        """Two collections, one of which is called what no page should run, and 61 embeddings."""
        self.database.execute(
            "TRUNCATE langchain_pg_collection, langchain_pg_embedding;"
            "INSERT INTO langchain_pg_collection VALUES (%s, %s, '{}'), (%s, 'notes', '{}')",
            (DOCS, SCRIPT, NOTES),
        )
        self.database.execute(
            "INSERT INTO langchain_pg_embedding SELECT 'doc-' || n, %s, '[1,2,3]', 'text ' || n, '{}'"
            " FROM generate_series(1, 60) n",
            (DOCS,),
        )
        self.database.execute(
            "INSERT INTO langchain_pg_embedding VALUES ('<b>note</b>', %s, '[4,5,6]', 'a note', '{}')", (NOTES,)
        )

    def back_up(self, **body: Any) -> str:
        """The timestamp of a new backup."""
        timestamp: str = self.call("POST", "/backup", body)["backup_timestamp"]
        return timestamp

    def write_damaged_set(self) -> str:
        """A set of a task, without a manifest, whose embeddings end in the middle of a row."""
        place = self.output / "task_20250721_213627" / "vector_bak"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"langchain_pg_collection_{DAMAGED}.csv").write_text(f"uuid,name,cmetadata\n{DOCS},docs,{{}}\n")
        (place / f"langchain_pg_embedding_{DAMAGED}.csv").write_text(
            f'id,collection_id,embedding,document,cmetadata\na,{DOCS},"[1,2,3]",first,{{}}\nb,{DOCS},"[1,2'
        )
        return DAMAGED


@pytest.fixture(scope="module")
def make_site(
    browser: Browser, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Site]]:
    """Start the service with databases of its own, with these settings: its jobs are nobody else's.

    After the browser: without one, no service.
    """
    made: list[TestDatabase] = []
    sites: list[Site] = []

    def make(**env: str) -> Site:
        directory = tmp_path_factory.mktemp("panel")
        output = directory / "training_data"
        (output / "vector_bak").mkdir(parents=True)
        database = databases.like(NEW, f"panel_{len(sites)}")
        history = databases.like(JOBS, f"panel_jobs_{len(sites)}")
        made.extend((database, history))
        defaults = {"OUTPUT_DIRECTORY": str(output), "JOBS_DATABASE_URL": history.url, "DATABASE_URL": database.url}
        defaults["SECRET_KEY"] = "of-this-site-and-no-other-" + database.dbname
        sites.append(Site(LiveServer(directory / "server.log", {**defaults, **env}), database, output, history))
        return sites[-1]

    yield make
    for site in sites:
        site.server.stop()
    for one in made:
        databases.remove(one)


@dataclass
class Visit:
    """A page, and everything about it that must not happen."""

    page: Page
    site: Site
    expected: set[int] = field(default_factory=set)
    """Statuses that a test means to be answered with."""
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        page = self.page
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        page.on("request", lambda request: self._see(request.url))
        page.on("response", self._answered)
        page.on("dialog", lambda dialog: self.faults.append(f"dialog: {dialog.message}"))

    def open(self, hash_: str = "#/backups") -> None:
        self.page.goto("about:blank")  # or else only the hash would be another
        self.page.goto(f"{self.site.url}/{hash_}")
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()
        expect(self.page.locator("[aria-busy]")).to_have_count(0)

    def expect_clean(self) -> None:
        assert self.faults == []

    def _hear(self, kind: str, text: str) -> None:
        named = any(f"status of {status}" in text for status in self.expected)
        if kind in ("error", "warning") and not named:
            self.faults.append(f"{kind}: {text}")

    def _see(self, url: str) -> None:
        if urlsplit(url).netloc != self.site.server.address:
            self.faults.append(f"outside: {url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.faults.append(f"{response.status}: {response.url}")


@pytest.fixture
def open_panel(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Open a site's panel in a browser without a past; afterwards nothing may have gone wrong in it. None: not yet."""
    contexts: list[BrowserContext] = []
    visits: list[Visit] = []

    def visit(site: Site, hash_: str | None = "#/backups", **options: Any) -> Visit:
        contexts.append(
            browser.new_context(**{"locale": "en-US", "viewport": {"width": 1280, "height": 900}, **options})
        )
        contexts[-1].set_default_timeout(PATIENCE)
        visits.append(Visit(contexts[-1].new_page(), site))
        if hash_ is not None:
            visits[-1].open(hash_)
        return visits[-1]

    yield visit
    for context in contexts:
        context.close()
    for one in visits:
        one.expect_clean()


@pytest.fixture(scope="module")
def shared_site(make_site: Callable[..., Site]) -> Site:
    return make_site()


@pytest.fixture
def site(shared_site: Site) -> Site:
    """The service with full tables."""
    shared_site.refill()
    return shared_site


@pytest.fixture
def visit(site: Site, open_panel: Callable[..., Visit]) -> Visit:
    """A browser that has opened nothing yet."""
    return open_panel(site, None)
