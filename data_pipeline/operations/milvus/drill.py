"""MilvusDrill: a set restored into a milvus-lite that is made for it, read back, and indexed as it was."""

import time

from common.errors import InternalError, SchemaMismatch
from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.backup_sets import named
from data_pipeline.operations.drill import scratch_database
from data_pipeline.operations.drill.progress import Restoring as RestoringProgress
from data_pipeline.operations.milvus.backup import shape_of
from data_pipeline.operations.milvus.requests import MilvusRestoreRequest
from data_pipeline.operations.milvus.restore import Restoring
from data_pipeline.operations.milvus.sources import SetSource
from data_pipeline.operations.results.drill import Drilled, DrilledTable, DrillSteps
from data_pipeline.postgres.progress import Progress
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.stores.intents import Unkept
from data_pipeline.stores.milvus import lite, live, making
from data_pipeline.stores.milvus.facts import CollectionFact, MilvusFacts
from data_pipeline.stores.milvus.server import Server, connected


class MilvusDrill:
    """Of one set. Every method raises ServiceError, Cancelled."""

    def __init__(self, engine: Engine, held: HeldSet) -> None:
        self._engine = engine
        self._held = held
        self._source = SetSource(held)
        self._facts: MilvusFacts = self._source.facts

    def expect_possible(self) -> None:
        lite.expect_installed()
        for fact in self._facts.collections:
            if untried := shape_of(fact, untried=True).untried:
                one = untried[0]
                text = say("milvus_drill_type", collection=fact.name, field=one.name, type=one.kind.name)
                details = {"collection": fact.name, "field": one.name, "type": one.kind.name}
                raise SchemaMismatch(text, can_retry=False, details=details)
        size = sum(block.size for key in self._held.files for block in self._held.content(key).blocks)
        scratch_database.expect_room(self._engine, size)

    def run(self, progress: Progress) -> Drilled:
        self.expect_possible()
        started = time.monotonic()
        with (
            lite.scratch(self._engine.settings.drill_directory) as target,
            connected(target, RestoringProgress(progress)) as server,
        ):
            ready = time.monotonic()
            request = MilvusRestoreRequest.read({"set": self._named, "target": target.name, "indexes": False})
            restoring = Restoring(server, self._source, request, target, server.progress, untried=False)
            errors, checked = list[str](), 0.0
            try:
                found = restoring.run(Unkept())
                checked = sum(one.check_seconds or 0.0 for one in found.values())
            except InternalError as error:  # what was read back isn't what was written
                errors.append(error.response)
            warnings = [] if errors else self._index(server)
            loaded = time.monotonic()
        return self._described(server, errors, warnings, (started, ready, loaded, checked))

    @property
    def _named(self) -> dict[str, str]:
        return {"backup_path": self._held.location.relative_path, "timestamp": self._held.timestamp}

    def _index(self, server: Server) -> list[Message]:
        """Make the indexes again, and load each collection with them. Those that milvus-lite doesn't have are told of:
        the rows are proven without them."""
        warnings = []
        for fact in self._facts.collections:
            for index in fact.indexes:
                try:
                    making.create_indexes(server, fact.name, [index])
                except SchemaMismatch:
                    kind = index.params.get("index_type", "")
                    warnings.append(say("milvus_drill_index", collection=fact.name, field=index.field, type=kind))
            live.load(server, fact.name)
        return warnings

    def _described(
        self, server: Server, errors: list[str], warnings: list[Message], times: tuple[float, float, float, float]
    ) -> Drilled:
        started, ready, loaded, checked = times
        now = time.monotonic()
        return Drilled(
            response=say("drill_not_proven") if errors else say("drill_proven"),
            proven=not errors,
            backup_info=named(self._held.location, self._held.timestamp),
            manifest_sha256=self._held.manifest.sha256,
            identical=not errors,
            tables={} if errors else {fact.name: self._table(fact) for fact in self._facts.collections},
            server_version=server.version,
            steps=DrillSteps(
                start_seconds=round(ready - started, 3),
                restore_seconds=round(loaded - ready - checked, 3),
                compare_seconds=round(checked, 3),
            ),
            errors=errors,
            warnings=[*self._source.warnings, *warnings],
            duration=round(now - started, 3),
        )

    def _table(self, fact: CollectionFact) -> DrilledTable:
        size = sum(self._held.files[partition.file].size for partition in fact.partitions)
        return DrilledTable(rows=fact.rows, file_bytes=size)
