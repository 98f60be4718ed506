"""A drill of a whole database's set: restored by a role that is no superuser, dumped again, and compared."""

import time
from dataclasses import replace

from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.backup_sets import named
from data_pipeline.operations.database.filling import Filling
from data_pipeline.operations.drill import scratch_database
from data_pipeline.operations.drill.progress import Checking, Restoring
from data_pipeline.operations.results.drill import Drilled, DrilledTable, DrillSteps
from data_pipeline.postgres.connection import transaction
from data_pipeline.postgres.progress import Progress
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.whole import databases, facts, roles
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.stores.pg_database.child import running
from data_pipeline.stores.pg_database.dump import Dump
from data_pipeline.stores.pg_database.facts import DumpFacts
from data_pipeline.stores.pg_database.index import Index, Indexed
from data_pipeline.stores.pg_database.set_archive import SetArchive
from data_pipeline.stores.pg_database.store import STORE
from data_pipeline.stores.pg_database.tools import Tools

OWNER = "drill_owner"
DATABASE = "drilled"


class DatabaseDrill:
    """Of one set. Every method raises ServiceError, Cancelled."""

    def __init__(self, engine: Engine, held: HeldSet) -> None:
        self._engine = engine
        self._held = held
        self._facts: DumpFacts = STORE.facts_of(held)

    def expect_possible(self) -> None:
        scratch_database.expect_room(self._engine, self._facts.bytes)

    def run(self, progress: Progress) -> Drilled:
        self.expect_possible()
        started = time.monotonic()
        with scratch_database.server(self._engine) as admin:
            return self._on(admin, started, Restoring(progress), Checking(progress))

    def _on(self, admin: Target, started: float, restoring: Progress, checking: Progress) -> Drilled:
        ready = time.monotonic()
        archive = SetArchive.verified(self._held, self._facts, restoring)
        target = self._made(admin)
        filling = Filling(self._engine, archive, (), self._facts.tables)
        report, rows = filling.run(target, restoring, lambda _: None)
        loaded = time.monotonic()
        again, version = self._dumped_again(target, checking)
        differing = self._differing(archive.indexed(hashing=True), again)
        now = time.monotonic()
        return Drilled(
            response=say("drill_not_proven") if differing else say("drill_proven"),
            proven=not differing,
            backup_info=named(self._held.location, self._held.timestamp),
            manifest_sha256=self._held.manifest.sha256,
            identical=not differing,
            tables={
                name: DrilledTable(rows=count, file_bytes=self._facts.tables[name].bytes)
                for name, count in rows.items()
            },
            server_version=version,
            steps=DrillSteps(
                start_seconds=round(ready - started, 3),
                restore_seconds=round(loaded - ready, 3),
                compare_seconds=round(now - loaded, 3),
            ),
            errors=differing,
            warnings=[
                say("drill_left_out", entry=entry.title) for entry in report.left_out if entry.kind != "EXTENSION"
            ],
            duration=round(now - started, 3),
        )

    def _made(self, admin: Target) -> Target:
        """An empty database of a role that is no superuser, with the extensions and the roles that the set needs."""
        timeouts = self._engine.timeouts
        databases.create_owned(admin, timeouts, DATABASE, OWNER)
        with transaction(admin, timeouts) as session:
            roles.create_missing(session, self._facts.roles)
        with transaction(replace(admin, dbname=DATABASE), timeouts) as session:
            facts.install_extensions(session, self._facts.extensions)
        return replace(admin, dbname=DATABASE, user=OWNER)

    def _dumped_again(self, target: Target, progress: Progress) -> tuple[Indexed, str]:
        timeouts = self._engine.timeouts
        with transaction(target, timeouts, read_only=True, progress=progress) as session:
            found = facts.of(session)
        tool = Tools(self._engine.settings.dumps.programs).for_dump(found.major, found.server_version)
        dump, index = Dump(tool, target, timeouts, found, compression=0), Index(hashing=True)
        progress.enter("check", None)
        with running(dump.child):
            for chunk in dump.chunks(progress):
                index.feed(chunk)
        return index.complete(), found.server_version

    def _differing(self, promised: Indexed, found: Indexed) -> list[str]:
        texts: list[Message] = [
            say("drill_table_differs", table=".".join(name))
            for name, digest in promised.table_digests.items()
            if found.table_digests.get(name) != digest
        ]
        return [*texts]
