"""What tests of the panel do and look at in more than one story."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, expect

from data_pipeline.storage.naming import backup_date
from tests.support.names import EMBEDDING

STALL = f"""
    CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END';
    CREATE TRIGGER stall BEFORE INSERT ON {EMBEDDING} FOR EACH ROW EXECUTE FUNCTION stall()"""


@contextmanager
def stalled(site: Any) -> Iterator[None]:
    """Every INSERT into the live table takes a minute."""
    site.database.execute(STALL)
    try:
        yield
    finally:
        site.database.execute(f"DROP TRIGGER stall ON {EMBEDDING}; DROP FUNCTION stall()")


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text(text)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def row_of(page: Page, timestamp: str) -> Any:
    date = backup_date(timestamp)
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=date, exact=True))


def pick(page: Page, timestamp: str, label: str = "Backup") -> None:
    """Choose a backup by typing its timestamp."""
    box = page.get_by_role("combobox", name=label, exact=True)
    box.fill(timestamp)
    option = page.get_by_role("option").filter(has_text=backup_date(timestamp))
    expect(option).to_have_count(1)
    box.press("Enter")


def choose_restore(page: Page, timestamp: str, strategy: str) -> None:
    """The first step, from the table of backups to the plan."""
    row_of(page, timestamp).get_by_role("link", name="Restore").click()
    heading(page, "Restore")
    page.get_by_role("radio", name=strategy).check()
    press(page, "Check what would happen")
