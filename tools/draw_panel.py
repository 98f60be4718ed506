"""Draw the panel as it is: `python -m tools.draw_panel` writes docs/panel.png, with the distribution's Chromium.

The service of the picture has a database of its own, with a backup of each of the last nights.
"""

import json
import shutil
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks import scene
from benchmarks.scene import Scene
from benchmarks.service import PREFIX
from data_pipeline.postgres_server.embedded import DATABASE
from data_pipeline.sets import manifest
from data_pipeline.storage.naming import manifest_name

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "panel.png"
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
NIGHTS = 5
WIDTH, HEIGHT = 1280, 1010
TABLE = "CREATE TABLE articles (id int PRIMARY KEY, title text, meaning vector(3))"
ARTICLES = "INSERT INTO articles SELECT n, 'article ' || n, '[1,2,3]' FROM generate_series(1, 1200) n"


def main() -> None:
    with scene.usual() as usual:
        fill(usual)
        draw(f"http://127.0.0.1:{usual.service.port}/")


def fill(usual: Scene) -> None:
    """Backups of every kind: whole ones of some nights, which grew, and today's of other tables."""
    service, database = usual.service, usual.database
    for night in range(NIGHTS, 0, -1):
        database.fill(2400 - 150 * night)
        move(service.directory, service.backup("csv" if night % 2 else "binary"), night)
    with database.cursor() as cursor:
        cursor.execute(TABLE)
        cursor.execute(ARTICLES)
    post(usual, "/backup", {"layout": "tables", "tables": ["public.articles"]})
    service.backup_database()
    newest = service.backup("csv")
    for action in ("verify", "drill"):
        post(usual, f"/backups/global/{newest}/{action}", {})


def post(usual: Scene, path: str, body: dict[str, Any]) -> None:
    url = f"http://127.0.0.1:{usual.service.port}{PREFIX}{path}"
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode())):
        pass


def move(directory: Path, timestamp: str, nights: int) -> None:
    """Let a set be of a night so many days ago: its files, and what its manifest says of them."""
    then = (datetime.now() - timedelta(days=nights)).replace(hour=3, minute=0, second=7 - nights)
    moved = f"{then:%Y%m%d_%H%M%S}"
    file = directory / manifest_name(timestamp)
    document = {key: value for key, value in json.loads(file.read_bytes()).items() if key != "sha256"}
    document = json.loads(json.dumps(document).replace(timestamp, moved))
    document["created_at"] = then.astimezone().isoformat(timespec="seconds")
    file.unlink()
    for stored in list(directory.glob(f"*_{timestamp}.*")):
        stored.rename(stored.with_name(stored.name.replace(timestamp, moved)))
    (directory / manifest_name(moved)).write_bytes(manifest.dump(document))


def draw(url: str) -> None:
    found = next(path for path in map(shutil.which, BROWSERS) if path)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, locale="en-US", color_scheme="light")
        page.goto(f"{url}#/backups")
        page.get_by_role("row").filter(has_text=DATABASE).first.wait_for()
        page.screenshot(path=PICTURE, animations="disabled")
        browser.close()


if __name__ == "__main__":
    main()
