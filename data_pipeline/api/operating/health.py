"""Can the service do its work: is the database there, can backups be stored, does the job queue answer.

Beside these three, which decide, stand the further targets and storages: one of them that is away costs only what
names it. What makes it doubtful that backups are of what is meant is told there, too, before one is made.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from typing import Any

from common.errors import ServiceError, ServiceUnavailable
from common.messages import say
from data_pipeline.api.answers.operating import Checks, Ready
from data_pipeline.api.operating.checkup import Checkup
from data_pipeline.engine import Engine
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.operations.backup import doubts
from data_pipeline.postgres.connection import transaction
from data_pipeline.postgres.link.wire import connect
from data_pipeline.storage.location import MAIN_STORAGE, Location
from data_pipeline.stores import registry

FRESH_SECONDS = 5.0
"""How long the result of a further target or storage is told again; what decides is checked for every answer."""

MARGIN_SECONDS = 1.0
"""An answer waits this much longer than a connection may take."""


class Health:
    """The checks behind /readyz."""

    def __init__(self, engine: Engine, jobs: Jobs) -> None:
        self._engine = engine
        self._jobs = jobs
        self._seconds = engine.timeouts.connect + MARGIN_SECONDS
        self._deciding = {
            "database": Checkup(partial(self._reach, None)),
            "storage": Checkup(partial(self._expect_writable, MAIN_STORAGE)),
            "queue": Checkup(jobs.counts),
        }
        self._targets: dict[str, Checkup] = {}
        self._storages: dict[str, Checkup] = {}
        self._source = Checkup(self._doubt, FRESH_SECONDS)
        self._doubts: list[str] = []

    def check(self, *, everything: bool, strict: bool = False) -> Ready:
        """Every check by name; everything: the further targets and storages too, where there are any, and doubts.
        strict: that no schedule is overdue decides too.

        Raises ServiceUnavailable, with the same lists, if one that decides has failed.
        """
        if everything:
            self._targets = self._checkups("target", self._targets, self._reach)
            self._storages = self._checkups("storage", self._storages, self._expect_writable)
        source = {"source": self._source}
        beside = {"targets": self._targets, "storages": self._storages, "doubts": source} if everything else {}
        asked = {"checks": self._deciding, **{kind: checkups for kind, checkups in beside.items() if checkups}}
        found = self._passed(asked)
        doubted = found.pop("doubts", {}).get("source", False)
        overdue = self._overdue() if strict else []
        if strict:
            found["checks"]["schedules"] = overdue == []
        told = self._told(found) if everything else {}
        if not all(found["checks"].values()):
            named = {"overdue": overdue} if everything and overdue else {}
            raise ServiceUnavailable(say("service_not_ready"), can_retry=True, **found, **told, **named)
        return Ready(
            response=say("service_ready"),
            checks=Checks(**found["checks"]),
            targets=found.get("targets"),
            storages=found.get("storages"),
            room=told.get("room"),
            reasons=told.get("reasons"),
            warnings=(doubted and self._doubts) or None,
            unreadable_locations=len(self._engine.catalog.unreadable()) or None,
        )

    def _checkups(self, kind: str, before: Mapping[str, Checkup], check: Callable[[str], object]) -> dict[str, Checkup]:
        """Of every target or storage that is known now, the main one aside; those that there were go on."""
        held, _ = self._jobs.resources.known(kind)
        names = [one.name for one in held if one.name != MAIN_STORAGE]
        return {name: before.get(name) or Checkup(partial(check, name), FRESH_SECONDS) for name in names}

    def _told(self, found: Mapping[str, Mapping[str, bool]]) -> dict[str, dict[str, Any]]:
        """How much more the storages take that are within reach, as far as they have a limit of their own, and why the
        others can't be used."""
        storages = {MAIN_STORAGE: self._deciding["storage"], **self._storages}
        reached = {MAIN_STORAGE: found["checks"]["storage"], **found.get("storages", {})}
        free = {name: one.found for name, one in storages.items() if reached[name]}
        told: dict[str, dict[str, Any]] = {
            "room": {name: {"free_bytes": found} for name, found in free.items() if isinstance(found, int)},
            "reasons": {name: one.reason for name, one in storages.items() if not reached[name] and one.reason},
        }
        return {name: one for name, one in told.items() if one}

    def _overdue(self) -> list[str] | None:
        """The schedules whose next good backup is overdue; None where that can't be known."""
        try:
            return [state.held.name for state in self._jobs.scheduler.states() if state.overdue]
        except ServiceError:
            return None

    def _passed(self, asked: Mapping[str, Mapping[str, Checkup]]) -> dict[str, dict[str, bool]]:
        """All at a time, within what one may take."""
        for checkups in asked.values():
            for checkup in checkups.values():
                checkup.begin()
        deadline = time.monotonic() + self._seconds
        return {
            kind: {name: checkup.passed(deadline) for name, checkup in checkups.items()}
            for kind, checkups in asked.items()
        }

    def _reach(self, name: str | None) -> None:
        store = self._engine.stores.find(name) if name else None
        if store:
            registry.of(store.family).probe(store)
            return
        with closing(connect(self._engine.databases.resolve(name), self._engine.timeouts)):
            pass

    def _doubt(self) -> None:
        target = self._engine.databases.resolve()
        with transaction(target, self._engine.timeouts, read_only=True) as session:
            self._doubts = [*doubts.of_source(self._engine, target, session, self._engine.layout)]

    def _expect_writable(self, storage: str) -> int | None:
        """How much more it takes."""
        found = self._engine.storages.of(Location((), storage))
        found.expect_writable()
        found.names()  # where nothing can be listed, nothing can be restored
        return found.free_bytes()
