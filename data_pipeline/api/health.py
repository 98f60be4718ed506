"""Can the service do its work: is the database there, can backups be stored, does the job queue answer."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

from common.errors import ServiceError, ServiceUnavailable
from data_pipeline.engine import Engine
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.vector.connection import connect


class Health:
    """The checks behind /readyz."""

    def __init__(self, engine: Engine, jobs: Jobs) -> None:
        self._engine = engine
        self._checks: dict[str, Callable[[], object]] = {
            "database": self._database,
            "storage": self._storage,
            "queue": jobs.counts,
        }

    def check(self) -> dict[str, Any]:
        """Every check by name. Raises ServiceUnavailable, with the same list, if one of them failed."""
        checks = {name: _passes(check) for name, check in self._checks.items()}
        if not all(checks.values()):
            raise ServiceUnavailable("服务尚未就绪", can_retry=True, checks=checks)
        unreadable = len(self._engine.catalog.unreadable())
        more = {"unreadable_locations": unreadable} if unreadable else {}
        return {"response": "服务已就绪", "checks": checks, **more}

    def _database(self) -> None:
        with closing(connect(self._engine.databases.resolve(), self._engine.timeouts)):
            pass

    def _storage(self) -> None:
        self._engine.storages.main.expect_writable()


def _passes(check: Callable[[], object]) -> bool:
    try:
        check()
    except ServiceError:
        return False
    return True
