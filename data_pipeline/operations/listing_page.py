"""Which sets of a list are asked for: by words, and by page."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.sets.listed import ListedLocation, ListedSet
from data_pipeline.sets.summary import Summary
from data_pipeline.storage.location import Location
from data_pipeline.storage.naming import TIMESTAMP, backup_date

GLOBAL = "global"


class Found(NamedTuple):
    """A set and where it lies."""

    place: ListedLocation
    one: ListedSet

    @property
    def location(self) -> Location:
        return self.place.location

    @property
    def backup(self) -> tuple[str, str]:
        """Timestamp and task: the same for the copies of one backup in several storages. In the order of pages."""
        return self.one.timestamp, self.location.task_id or GLOBAL


class Cursor(NamedTuple):
    """The last backup of a page, which may be gone when the next one is asked for."""

    timestamp: str
    task: str

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """As `next` gave it. Raises InvalidParams."""
        task, _, timestamp = text.rpartition("/")
        if not (task and TIMESTAMP.fullmatch(timestamp)):
            raise InvalidParams(say("param_malformed", name="after"), details={"field": "after"})
        return cls(timestamp, task)

    def __str__(self) -> str:
        return f"{self.task}/{self.timestamp}"


def matches(found: Found, summary: Summary, words: str) -> bool:
    """Whether every word occurs in what is said of a set."""
    said = (
        found.location.relative_path,
        found.location.storage,
        found.location.task_id or GLOBAL,
        found.one.timestamp,
        backup_date(found.one.timestamp),
        *((found.one.kind.format, found.one.kind.shown or "") if found.one.kind else ()),
        summary.database or "",
        summary.origin or "",
        summary.state,
        "partial" if summary.partial else "",
        summary.layout or "",
        *(table.name for table in summary.tables),
    )
    text = "\n".join(said).lower()
    return all(word in text for word in words.lower().split())


def page(sets: Sequence[Found], limit: int | None, after: Cursor | None) -> tuple[list[Found], Cursor | None]:
    """So many backups with all of their copies, the newest first, and where the next page begins, if there is one."""
    ordered = sorted(sets, key=lambda found: found.backup, reverse=True)
    backups = [(key, list(copies)) for key, copies in groupby(ordered, key=lambda found: found.backup)]
    rest = [(key, copies) for key, copies in backups if after is None or key < after]
    taken = rest[:limit]
    last = Cursor(*taken[-1][0]) if taken and len(taken) < len(rest) else None
    return [found for _, copies in taken for found in copies], last
