"""MilvusDrill: a set restored into a milvus-lite that is made for it, and compared with what came back."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from common import scratch_directory
from common.errors import DatabaseError
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.backup_sets import named
from data_pipeline.operations.drill import scratch_database
from data_pipeline.operations.drill.progress import Checking, Restoring
from data_pipeline.operations.milvus.compare import MilvusComparison
from data_pipeline.operations.milvus.operation import MilvusRestoreOperation
from data_pipeline.operations.milvus.requests import MilvusCompareRequest, MilvusRestoreRequest
from data_pipeline.operations.milvus.results import MilvusRestored
from data_pipeline.operations.results.drill import Drilled, DrilledTable, DrillSteps
from data_pipeline.postgres.progress import Progress
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.store_targets import StoreTargets
from data_pipeline.stores.intents import Intents, Unkept
from data_pipeline.stores.milvus import lite
from data_pipeline.stores.milvus.facts import MilvusFacts
from data_pipeline.stores.milvus.store import FAMILY, STORE
from data_pipeline.stores.target import FILE, StoreTarget

NAME = "drill"


class MilvusDrill:
    """Of one set. Every method raises ServiceError, Cancelled."""

    def __init__(self, engine: Engine, held: HeldSet) -> None:
        self._engine = engine
        self._held = held
        self._facts: MilvusFacts = STORE.facts_of(held)

    def expect_possible(self) -> None:
        lite.expect_installed()
        scratch_database.expect_room(self._engine, sum(file.size for file in self._held.files.values()))

    def run(self, progress: Progress) -> Drilled:
        self.expect_possible()
        started = time.monotonic()
        with _server(self._engine.settings.drill_directory) as target:
            version = str(STORE.probe(target)["server_version"])
            ready = time.monotonic()
            engine = replace(self._engine, stores=StoreTargets({NAME: target}), intents=Intents(Unkept()))
            restored = self._restored(engine, Restoring(progress))
            loaded = time.monotonic()
            checking = Checking(progress)
            checking.enter("check", None)
            asked = MilvusCompareRequest.read({"set": self._named, "target": NAME})
            compared = MilvusComparison(engine).compare(asked)
            checking.expect_wanted()
        now = time.monotonic()
        return Drilled(
            response=say("drill_proven") if compared.identical else say("drill_not_proven"),
            proven=compared.identical,
            backup_info=named(self._held.location, self._held.timestamp),
            manifest_sha256=self._held.manifest.sha256,
            identical=compared.identical,
            tables=self._tables(restored),
            server_version=version,
            steps=DrillSteps(
                start_seconds=round(ready - started, 3),
                restore_seconds=round(loaded - ready, 3),
                compare_seconds=round(now - loaded, 3),
            ),
            errors=[] if compared.identical else [say("drill_rows_differ")],
            warnings=list(dict.fromkeys([*restored.warnings, *compared.warnings])),
            duration=round(now - started, 3),
        )

    @property
    def _named(self) -> dict[str, str]:
        return {"backup_path": self._held.location.relative_path, "timestamp": self._held.timestamp}

    def _restored(self, engine: Engine, progress: Progress) -> MilvusRestored:
        request = MilvusRestoreRequest.read({"set": self._named, "target": NAME})
        done = MilvusRestoreOperation(engine).run(request, progress)
        assert isinstance(done, MilvusRestored)  # noqa: S101 - nothing asks for tables
        return done

    def _tables(self, restored: MilvusRestored) -> dict[str, DrilledTable]:
        sizes = {
            one.name: sum(self._held.files[partition.file].size for partition in one.partitions)
            for one in self._facts.collections
        }
        return {
            name: DrilledTable(rows=one.rows, file_bytes=sizes.get(name, 0))
            for name, one in restored.restore_results.items()
        }


@contextmanager
def _server(directory: Path) -> Iterator[StoreTarget]:
    """An empty milvus-lite, gone at the end with its files."""
    try:
        scratch_directory.sweep(directory)
        own = scratch_directory.own(directory)
        home = own.__enter__()
    except OSError:
        raise DatabaseError(say("milvus_lite_failed"), can_retry=True, details={"cause": "MILVUS_LITE"}) from None
    try:
        data = home / "milvus"
        yield StoreTarget(NAME, FAMILY, "milvus+lite", FILE, path=str(data), source=scratch_database.SOURCE)
    finally:
        lite.leave_one(data)
        own.__exit__(None, None, None)
