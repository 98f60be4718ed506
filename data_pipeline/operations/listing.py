"""BackupList: every complete backup set, wherever it lies."""

from collections.abc import Sequence
from datetime import datetime

from common.errors import InternalError, PermissionDenied, ServiceError, ServiceUnavailable
from common.messages import Message, say
from common.sizes import format_size
from data_pipeline.engine import Engine
from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.operations.listing_page import Cursor, Found, matches, page
from data_pipeline.operations.results.listing import (
    ListedLocation,
    ListedSet,
    ListedTable,
    Listing,
    ListingSummary,
    SetFiles,
    SetState,
    StoredSet,
    UnreadableLocation,
)
from data_pipeline.operations.set_checks import KnownChecks, SetCheck, SetName
from data_pipeline.sets import listed
from data_pipeline.sets.listed import Scan
from data_pipeline.sets.summary import Summary
from data_pipeline.storage import location
from data_pipeline.storage.location import MAIN_STORAGE, Location
from data_pipeline.storage.naming import LOG, backup_date

EVERYWHERE = "all"
"""Not the name of a storage or a layout, but of all of them."""


UNKNOWN = "jobs_database"
"""What stands among the storages out of reach for those whose names the jobs database would tell."""


class BackupList:
    """Lists backup sets. Every method raises ServiceError.

    checks: what verifications have found.
    """

    def __init__(self, engine: Engine, checks: KnownChecks = lambda _: {}) -> None:
        self._engine = engine
        self._checks = checks

    def scan(
        self,
        global_only: bool = False,
        task_id: str | None = None,
        storage: str = MAIN_STORAGE,
        *,
        layout: str = DOCUMENTED.family,
        words: str = "",
        limit: int | None = None,
        after: str | None = None,
    ) -> Listing:
        """Newest first. task_id beats global_only.

        storage: where to look; "all" looks everywhere, and names in the summary the storages it could not reach.
        layout: only sets of this one, or "all". words: only sets of which every word is said. limit: so many backups,
        with all of their copies. after: the page that begins there.
        """
        if task_id:
            location.check_task_id(task_id)
        cursor = Cursor.read(after) if after else None
        names, unknown = self._names() if storage == EVERYWHERE else ([storage], [])
        scans, unreachable = self._scan(names, global_only, task_id, everything=layout != DOCUMENTED.family)
        unreadable = [_unreadable(*one) for scan in scans for one in scan.unreadable]
        places = [place for scan in scans for place in scan.locations]
        found = self._matching([Found(place, one) for place in places for one in place.sets], layout, words)
        shown, following = page(found, limit, cursor) if limit or after else (found, None)
        described, checked = self._described(shown)
        of_tasks = sum(1 for one in found if one.location.task_id)
        locations = len({one.location for one in found})
        return Listing(
            response=_counted(locations, len(found), len(unreadable)),
            backup_locations=described,
            summary=ListingSummary(
                total_locations=locations,
                total_backup_sets=len(found),
                global_backups=len(found) - of_tasks,
                task_backups=of_tasks,
                scan_time=datetime.now().astimezone(),
                unreachable_storages=[*unreachable, *unknown] if storage == EVERYWHERE else None,
                unreadable=unreadable or None,
                backups=len({one.backup for one in found}) if limit else None,
                next=str(following) if following else None,
                checks_unknown=None if checked else True,
            ),
        )

    def _names(self) -> tuple[list[str], list[str]]:
        """Every storage, and what stands for those that can't be known now."""
        try:
            return self._engine.storages.all_names(), []
        except ServiceUnavailable:
            return list(self._engine.storages), [UNKNOWN]

    def _scan(
        self, storages: list[str], global_only: bool, task_id: str | None, *, everything: bool
    ) -> tuple[list[Scan], list[str]]:
        """What some storages have, and those that can't be reached. One that is asked for alone must be."""
        found: list[Scan] = []
        unreachable = []
        for name in storages:
            try:
                scan = self._engine.catalog.scan
                found.append(scan(global_only=global_only, task_id=task_id, storage=name, everything=everything))
            except (ServiceUnavailable, InternalError, PermissionDenied):
                if len(storages) == 1:
                    raise
                unreachable.append(name)
        return found, unreachable

    def _matching(self, found: list[Found], layout: str, words: str) -> list[Found]:
        any_layout = layout in (EVERYWHERE, DOCUMENTED.family)  # of the latter only its own sets were looked for
        if any_layout and not words:
            return found
        return [
            one
            for one, summary in zip(found, self._summaries(found), strict=True)
            if (any_layout or summary.layout == layout) and matches(one, summary, words)
        ]

    def _described(self, found: Sequence[Found]) -> tuple[list[ListedLocation], bool]:
        """By location, in the order in which these come first; and whether it is known what verifications found."""
        names: list[SetName] = [(one.location, one.one.timestamp) for one in found]
        checks = self._checks(names)
        by_place: dict[Location, tuple[Found, list[ListedSet]]] = {}
        for one, summary, name in zip(found, self._summaries(found), names, strict=True):
            described = _set(one, summary, (checks or {}).get(name))
            by_place.setdefault(one.location, (one, []))[1].append(described)
        return [_location(first, sets) for first, sets in by_place.values()], checks is not None

    def _summaries(self, found: Sequence[Found]) -> list[Summary]:
        return self._engine.summaries.of([(one.location, one.one) for one in found])


def _counted(locations: int, sets: int, unreadable: int) -> Message:
    found = say("backups_found", locations=locations, sets=sets) if sets else say("backups_not_found")
    return say("backups_found_but_some_unreadable", found=found, unreadable=unreadable) if unreadable else found


def _location(first: Found, sets: list[ListedSet]) -> ListedLocation:
    where = first.location
    return ListedLocation(
        type="task" if where.task_id else "global",
        task_id=where.task_id,
        relative_path=where.relative_path,
        backups=sets,
        storage=where.storage,
    )


def _unreadable(where: Location, error: ServiceError) -> UnreadableLocation:
    return UnreadableLocation(relative_path=where.relative_path, storage=where.storage, error=error.response)


def _set(found: Found, summary: Summary, check: SetCheck | None) -> ListedSet:
    one, has_log, kind = found.one, found.place.has_log, found.one.kind
    current = check if check and check.identity == one.identity else None
    stored: StoredSet = {
        **(_pair(one) if one.documented else _any_tables(one, summary)),
        "backup_date": backup_date(one.timestamp),
        "has_log": has_log,
        "log_file": LOG if has_log else None,
        "format": kind.format if kind else None,
    }
    if kind and kind.shown:
        stored["compression"] = kind.shown
    if summary.key:
        stored["encryption_key"] = summary.key
    return {
        **stored,
        "has_manifest": one.has_manifest,
        "bytes": sum(one.sizes),
        "database": summary.database,
        "server": summary.server,
        "rows": summary.rows,
        "partial": summary.partial,
        "origin": summary.origin,
        "state": _state(summary, current),
        "checked_at": current.at if current else None,
    }


def _pair(one: listed.ListedSet) -> SetFiles:
    """The documented keys."""
    (collection, embedding), (size, embedding_size) = one.files, map(format_size, one.sizes)
    return {
        "timestamp": one.timestamp,
        "collection_file": collection,
        "embedding_file": embedding,
        "collection_size": size,
        "embedding_size": embedding_size,
    }


def _any_tables(one: listed.ListedSet, summary: Summary) -> SetFiles:
    sizes = dict(zip(one.files, one.sizes, strict=True))
    tables = [
        ListedTable(name=table.name, file=table.file, size=format_size(sizes[table.file]), rows=table.rows)
        for table in summary.tables
        if table.file in sizes
    ]
    return {"timestamp": one.timestamp, "layout": summary.layout, "tables": tables}


def _state(summary: Summary, check: SetCheck | None) -> SetState:
    """The worse of what is seen now and what the last check found. Of a set whose key is missing nothing can be read
    any more, however whole it was."""
    if check is None or summary.state == "damaged" or (summary.state == "locked" and check.found != "damaged"):
        return summary.state
    return check.found
