"""RedisDrill: a set restored into a redis-server that is made for it, and compared with what came back."""

import time
from contextlib import closing

from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.backup_sets import named
from data_pipeline.operations.drill.progress import Checking
from data_pipeline.operations.drill.progress import Restoring as RestoringProgress
from data_pipeline.operations.redis.means import connect_seconds
from data_pipeline.operations.results.drill import Drilled, DrilledTable, DrillSteps
from data_pipeline.postgres.progress import Progress
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.stores.redis import comparing
from data_pipeline.stores.redis.comparing import Difference
from data_pipeline.stores.redis.facts import RedisFacts, file_key
from data_pipeline.stores.redis.link import server
from data_pipeline.stores.redis.link.wire import connect
from data_pipeline.stores.redis.restoring.restoring import Plan, Restored, Restoring
from data_pipeline.stores.redis.saving import scratch_server
from data_pipeline.stores.redis.saving.scratch_server import Scratch
from data_pipeline.stores.redis.store import STORE


class RedisDrill:
    """Of one set. Every method raises ServiceError, Cancelled."""

    def __init__(self, engine: Engine, held: HeldSet) -> None:
        self._settings = engine.settings
        self._seconds = connect_seconds(engine)
        self._held = held
        self._facts: RedisFacts = STORE.facts_of(held)

    def expect_possible(self) -> None:
        scratch_server.program(self._settings.redis.program)

    def run(self, progress: Progress) -> Drilled:
        started = time.monotonic()
        numbers = self._facts.numbers
        databases = max(server.DATABASES, max(numbers, default=0) + 1 + len(numbers))
        directory, program = self._settings.drill_directory, self._settings.redis.program
        with scratch_server.server(directory, program, databases, (), progress) as scratch:
            ready = time.monotonic()
            plan = Plan({number: number for number in numbers}, functions=bool(self._facts.libraries))
            restoring = Restoring(scratch.target, self._held, self._facts, self._seconds, RestoringProgress(progress))
            restored = restoring.run(plan)
            loaded = time.monotonic()
            version, found = self._compared(scratch, plan, Checking(progress))
        now = time.monotonic()
        identical = all(one.identical for one in found.values())
        return Drilled(
            response=say("drill_proven") if identical else say("drill_not_proven"),
            proven=identical,
            backup_info=named(self._held.location, self._held.timestamp),
            manifest_sha256=self._held.manifest.sha256,
            identical=identical,
            tables=self._tables(restored),
            server_version=version,
            steps=DrillSteps(
                start_seconds=round(ready - started, 3),
                restore_seconds=round(loaded - ready, 3),
                compare_seconds=round(now - loaded, 3),
            ),
            errors=[] if identical else [say("drill_rows_differ")],
            warnings=[],
            duration=round(now - started, 3),
        )

    def _compared(self, scratch: Scratch, plan: Plan, progress: Progress) -> tuple[str, dict[int, Difference]]:
        with closing(connect(scratch.target, self._seconds)) as wire:
            known = server.inspect(wire)
            return known.name, {
                number: comparing.with_live(wire, self._held, number, number, plan, known=known, progress=progress)
                for number in plan.databases
            }

    def _tables(self, restored: Restored) -> dict[str, DrilledTable]:
        return {
            file_key(number): DrilledTable(rows=loaded.keys, file_bytes=self._held.files[file_key(number)].size)
            for number, loaded in restored.loaded.items()
        }
