"""Can the service do its work: is the database there, can backups be stored, does the job queue answer.

Beside these three, which decide, stand the further targets and storages: one of them that is away costs only what
names it. What makes it doubtful that backups are of what is meant is told there, too, before one is made.
"""

import time
from collections.abc import Mapping
from contextlib import closing
from functools import partial

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
        self._targets = {name: Checkup(partial(self._reach, name), FRESH_SECONDS) for name in engine.settings.targets}
        self._storages = {
            name: Checkup(partial(self._expect_writable, name), FRESH_SECONDS) for name in engine.settings.storages
        }
        self._source = Checkup(self._doubt, FRESH_SECONDS)
        self._doubts: list[str] = []

    def check(self, *, everything: bool, strict: bool = False) -> Ready:
        """Every check by name; everything: the further targets and storages too, where there are any, and doubts.
        strict: that no schedule is overdue decides too.

        Raises ServiceUnavailable, with the same lists, if one that decides has failed.
        """
        source = {"source": self._source}
        beside = {"targets": self._targets, "storages": self._storages, "doubts": source} if everything else {}
        asked = {"checks": self._deciding, **{kind: checkups for kind, checkups in beside.items() if checkups}}
        found = self._passed(asked)
        doubted = found.pop("doubts", {}).get("source", False)
        overdue = self._overdue() if strict else []
        if strict:
            found["checks"]["schedules"] = overdue == []
        if not all(found["checks"].values()):
            named = {"overdue": overdue} if everything and overdue else {}
            raise ServiceUnavailable(say("service_not_ready"), can_retry=True, **found, **named)
        return Ready(
            response=say("service_ready"),
            checks=Checks(**found["checks"]),
            targets=found.get("targets"),
            storages=found.get("storages"),
            warnings=(doubted and self._doubts) or None,
            unreadable_locations=len(self._engine.catalog.unreadable()) or None,
        )

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
        with closing(connect(self._engine.databases.resolve(name), self._engine.timeouts)):
            pass

    def _doubt(self) -> None:
        target = self._engine.databases.resolve()
        with transaction(target, self._engine.timeouts, read_only=True) as session:
            self._doubts = [*doubts.of_source(self._engine, target, session, self._engine.layout)]

    def _expect_writable(self, storage: str) -> None:
        found = self._engine.storages.of(Location((), storage))
        found.expect_writable()
        found.names()  # where nothing can be listed, nothing can be restored
