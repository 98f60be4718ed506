"""The checks, in order; one that fails keeps none of the others from being made."""

import platform
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import psycopg2

from common.errors import PermissionDenied, ServiceError
from common.messages import Message, say
from common.sizes import format_size
from data_pipeline.engine import Engine
from data_pipeline.operations.doctor import trial
from data_pipeline.operations.results.doctor import Diagnosis, Finding, State
from data_pipeline.postgres import server_facts
from data_pipeline.postgres.connection import transaction
from data_pipeline.postgres.server_facts import ServerFacts
from data_pipeline.postgres.target import Target
from data_pipeline.storage.location import Location
from data_pipeline.version import VERSION

CLOSE_SECONDS = 5.0
"""Clocks further apart than that make schedules and the times of sets hard to trust."""

LITTLE_BYTES = 1 << 30
"""Free, of a storage that has a limit."""


SETS_LOOKED_AT = 100
"""Of each storage, the newest: whether there is a key for them."""


class Doctor:
    """Examines one service's settings, database, storages and queue.

    queue: raises ServiceError if it doesn't answer.
    """

    def __init__(self, engine: Engine, queue: Callable[[], object]) -> None:
        self._engine = engine
        self._queue = queue

    def examine(self) -> Diagnosis:
        """Every check. Nothing is left behind, and no table is touched but those of the trial."""
        findings = [self._versions(), *self._database(), *self._storages(), self._encryption(), self._job_queue()]
        failed = sum(finding.state == "failed" for finding in findings)
        return Diagnosis(
            response=say("doctor_unhealthy", failed=failed) if failed else say("doctor_healthy"),
            healthy=not failed,
            findings=findings,
        )

    def _versions(self) -> Finding:
        libpq = psycopg2.extensions.libpq_version()
        text = say("doctor_versions", version=VERSION, python=platform.python_version(), libpq=libpq // 10000)
        named = self._engine.settings.database_named
        warning = None if named else say("database_not_configured")
        return _finding("settings", "ok" if named else "warning", warning or text)

    def _database(self) -> Iterator[Finding]:
        try:
            target = self._engine.databases.resolve()
            before = time.time()
            with transaction(target, self._engine.timeouts, read_only=True) as session:
                facts = server_facts.of(session, self._engine.layout)
            apart = max(before - facts.now, facts.now - time.time(), 0.0)
        except ServiceError as error:
            yield _failed("database", error)
            return
        yield _finding("database", "ok", say("doctor_database", database=facts.database, version=facts.server_version))
        yield _extension(facts)
        yield _tables(facts)
        yield _clock(apart)
        yield self._trial(target, facts)

    def _trial(self, target: Target, facts: ServerFacts) -> Finding:
        if facts.pgvector_version is None:
            return _finding("trial", "skipped", say("pgvector_missing"))
        if not facts.may_create_schemas:
            return _finding("trial", "skipped", say("doctor_trial_privilege", database=facts.database))
        try:
            trial.run(self._engine, target)
        except PermissionDenied as error:
            return _finding("trial", "skipped", error.response)
        except ServiceError as error:
            return _failed("trial", error)
        return _finding("trial", "ok", say("doctor_trial", rows=trial.ROWS))

    def _storages(self) -> Iterator[Finding]:
        for name in self._engine.storages:
            storage = self._engine.storages.of(Location((), name))
            try:
                storage.expect_writable()
                storage.names()
                free = storage.free_bytes()
            except ServiceError as error:
                yield _failed("storage", error, name)
                continue
            yield _finding("storage", "ok", say("doctor_storage"), name)
            if free is not None:
                yield _space(free, name)

    def _encryption(self) -> Finding:
        """Whether new backups are encrypted, and whether the last ones of each storage can be opened."""
        key, locked = self._engine.storages.keyring.id, dict.fromkeys(self._locked())
        if locked:
            return _finding("keys", "warning", say("doctor_keys_missing", keys=", ".join(locked)))
        return _finding("keys", "ok", say("doctor_encrypted", key=key) if key else say("doctor_not_encrypted"))

    def _locked(self) -> Iterator[str]:
        """The ids of keys that are not configured."""
        for name in self._engine.storages:
            with suppress(ServiceError):  # the storage's own finding tells of that
                scan = self._engine.catalog.scan(global_only=True, task_id=None, storage=name, everything=True)
                sets = [(place.location, one) for place in scan.locations for one in place.sets[:SETS_LOOKED_AT]]
                yield from (one.key or "" for one in self._engine.summaries.of(sets) if one.state == "locked")

    def _job_queue(self) -> Finding:
        try:
            self._queue()
        except ServiceError as error:
            return _failed("queue", error)
        return _finding("queue", "ok", say("doctor_queue"))


def _extension(facts: ServerFacts) -> Finding:
    if facts.pgvector_version is None:
        return _finding("pgvector", "warning", say("pgvector_missing"))
    return _finding("pgvector", "ok", say("doctor_pgvector", version=facts.pgvector_version))


def _tables(facts: ServerFacts) -> Finding:
    if facts.missing:
        return _finding("tables", "warning", say("doctor_tables_missing", tables=tuple(facts.missing)))
    return _finding("tables", "ok", say("doctor_tables"))


def _clock(apart: float) -> Finding:
    far = apart > CLOSE_SECONDS
    return _finding("clock", "warning" if far else "ok", say("doctor_clock", seconds=round(apart, 1)))


def _space(free: int, storage: str) -> Finding:
    if free < LITTLE_BYTES:
        return _finding("space", "warning", say("doctor_space_low", size=format_size(free)), storage)
    return _finding("space", "ok", say("doctor_space", size=format_size(free)), storage)


def _failed(check: str, error: ServiceError, about: str | None = None) -> Finding:
    details: Any = error.data.get("details")
    reason = details.get("reason") if isinstance(details, dict) else None
    return _finding(check, "failed", reason or error.response, about)


def _finding(check: str, state: State, text: str | Message, about: str | None = None) -> Finding:
    return Finding(check=check, about=about, state=state, text=text)
