"""BulkSets: many sets verified, copied or removed. All are looked at before the first is touched."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from common.errors import InvalidParams, NotFound, ServiceError
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.backup_sets import BackupSetManager
from data_pipeline.operations.requests.bulk import BulkRequest, BulkSet
from data_pipeline.operations.results.bulk import BulkDone, BulkEntry
from data_pipeline.operations.verification import Verification
from data_pipeline.storage.location import Location


class BulkSets:
    """Every method raises ServiceError."""

    def __init__(self, engine: Engine, verification: Verification) -> None:
        self._engine = engine
        self._manager = BackupSetManager(engine)
        self._verification = verification

    def expect_possible(self, request: BulkRequest) -> list[tuple[Location, str]]:
        """Where the sets are. Raises what is wrong with the first of those that it can't be done with; its details
        name all of these (`sets`)."""
        places = [self._manager.place(one.location, one.timestamp, one.storage) for one in request.sets]
        if request.to is not None:
            self._engine.storages.of(Location((), request.to)).expect_writable()
        there = {place: self._there(place) for place in dict.fromkeys(places)}
        refused = []
        for one, place in zip(request.sets, places, strict=True):
            try:
                self._expect_possible(request, place, one.timestamp, there[place])
            except ServiceError as error:
                refused.append((one, error))
        if refused:
            raise _first(refused)
        return [(place, one.timestamp) for one, place in zip(request.sets, places, strict=True)]

    def run(self, request: BulkRequest) -> BulkDone:
        """Do it with one after the other; what fails keeps no other from being done.

        Raises the first one's failure if all have failed, with each one's (`sets`).
        """
        started = time.monotonic()
        self.expect_possible(request)
        entries: list[BulkEntry] = []
        failures: list[tuple[BulkSet, ServiceError]] = []
        for one in request.sets:
            try:
                entries.append(self._done(request, one))
            except ServiceError as error:
                failures.append((one, error))
                entries.append(_failed(one, error))
        if len(failures) == len(entries):
            raise _first(failures)
        return BulkDone(
            response=say("bulk_done_in_part", failed=len(failures)) if failures else say("bulk_done", n=len(entries)),
            action=request.action,
            sets=entries,
            succeeded=len(entries) - len(failures),
            failed=len(failures),
            errors=[say("bulk_set_failed", set=_name(one), reason=error.response) for one, error in failures],
            duration=round(time.monotonic() - started, 3),
        )

    def _there(self, place: Location) -> Callable[[str], bool]:
        """Whether a place has a complete set of a timestamp: every place is looked through once."""
        scan = self._engine.catalog.scan(
            global_only=place.task_id is None, task_id=place.task_id, storage=place.storage, everything=True
        )
        for _, error in scan.unreadable:
            raise error
        found = {one.timestamp for listed in scan.locations for one in listed.sets}
        return found.__contains__

    def _expect_possible(
        self, request: BulkRequest, place: Location, timestamp: str, is_there: Callable[[str], bool]
    ) -> None:
        if not is_there(timestamp):
            raise NotFound(say("bulk_set_missing", path=place.relative_path, timestamp=timestamp))
        if request.action == "delete":
            self._engine.catalog.expect_removable(place, timestamp)
        elif request.to == place.storage:
            raise InvalidParams(say("set_already_in_storage"), details={"field": "to"})

    def _done(self, request: BulkRequest, one: BulkSet) -> BulkEntry:
        named = (one.location, one.timestamp)
        if request.action == "verify":
            return _entry(one, verified=self._verification.verify(*named, one.storage).verified)
        if request.action == "copy" and request.to:
            return _entry(one, copied=self._manager.copy(*named, request.to, one.storage).copied)
        return _entry(one, removed=self._manager.delete(*named, one.storage).removed)


def _entry(one: BulkSet, **more: Any) -> BulkEntry:
    return BulkEntry(location=one.location, timestamp=one.timestamp, storage=one.storage, success=True, **more)


def _failed(one: BulkSet, error: ServiceError) -> BulkEntry:
    named: dict[str, Any] = {"location": one.location, "timestamp": one.timestamp, "storage": one.storage}
    return BulkEntry(**named, success=False, error=error.response, error_type=error.error_type)


def _first(failures: Sequence[tuple[BulkSet, ServiceError]]) -> ServiceError:
    """The first failure, which tells of all."""
    first = failures[0][1]
    first.data["details"] = {**first.data.get("details", {}), "sets": [_failed(*one).data() for one in failures]}
    return first


def _name(one: BulkSet) -> str:
    return f"{one.storage}/{one.location}/{one.timestamp}"
