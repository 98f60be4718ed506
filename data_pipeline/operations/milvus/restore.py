"""One restore into Milvus: all is looked at first, loaded beside what is live, read back, and only then switched.

A failure before the switch leaves live collections as they were, and what was made is dropped. A merge writes into the
live collection itself: what was written before a failure stays, and the error says how many rows.
"""

import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from common.errors import NotFound, ResourceExists, SchemaMismatch, ServiceError
from common.messages import say
from data_pipeline.operations.milvus.merge import Timing, differ, merge
from data_pipeline.operations.milvus.plan import Noting, Planner, Step, digest_of
from data_pipeline.operations.milvus.requests import MilvusRestoreRequest
from data_pipeline.operations.milvus.results import Problem, RestoredCollection
from data_pipeline.operations.milvus.sources import Source
from data_pipeline.postgres.progress import Progress
from data_pipeline.stores.intents import Intent, IntentStore
from data_pipeline.stores.milvus import live, making, switch
from data_pipeline.stores.milvus.digest import Sum
from data_pipeline.stores.milvus.facts import CollectionFact, IndexFact
from data_pipeline.stores.milvus.reader import Reader
from data_pipeline.stores.milvus.server import Server
from data_pipeline.stores.milvus.writer import Writer
from data_pipeline.stores.target import StoreTarget

AUTO_INDEX = "AUTOINDEX"


@dataclass
class Restoring:
    """One restore under way. untried: whether types are taken that no real server has shown."""

    server: Server
    source: Source
    request: MilvusRestoreRequest
    target: StoreTarget
    progress: Progress
    untried: bool
    warnings: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def plan(self) -> dict[str, RestoredCollection]:
        """What run() would do, by collection of the set; what stands in the way is in `problems`."""
        planner, told = self._planner(), {}
        with self._noting(None):
            live.expect_database(self.server)
            planner.expect_meant()
        for fact in self._chosen(planner):
            with self._noting(fact.name):
                told[fact.name] = planner.step(fact).planned
                for partition in fact.partitions:  # every byte of it, as a restore would read it
                    for batch in self.source.batches(fact, partition):
                        self.progress.advance(batch.nbytes, len(batch))
        return told

    def run(self, intents: IntentStore) -> dict[str, RestoredCollection]:
        """Do it. Raises ServiceError, Cancelled."""
        live.expect_database(self.server)
        self._settle_abandoned(intents)
        planner = self._planner()
        planner.expect_meant()
        steps = [planner.step(fact) for fact in planner.chosen(self.source.facts)]
        begun: list[tuple[Step, Intent]] = []
        try:
            for step in steps:
                intent = step.intent(self.target, self.server.database, drop_old=self.request.drop_old)
                intents.begin(intent)
                begun.append((step, intent))
            for place, pair in enumerate(begun):
                begun[place] = self._make(intents, *pair)
            timings = [self._load(step) for step, _ in begun]
            self.progress.settle()
        except BaseException:
            self._undo(intents, begun)
            raise
        return self._put_all_in_place(intents, begun, timings)

    def _settle_abandoned(self, intents: IntentStore) -> None:
        """What earlier restores into this database have left: nothing of it may be in the way."""
        for intent in intents.abandoned():
            if intent.digest == digest_of(self.target, self.server.database):
                switch.settle(self.server, intent)
                intents.end(intent)

    def _planner(self) -> Planner:
        return Planner(self.server, self.request, self.untried, self.warnings.append)

    def _chosen(self, planner: Planner) -> list[CollectionFact]:
        found: list[CollectionFact] = []
        with self._noting(None):
            found = planner.chosen(self.source.facts)
        return found

    def _noting(self, collection: str | None) -> Noting:
        return Noting(self.problems, collection)

    def _undo(self, intents: IntentStore, begun: list[tuple[Step, Intent]]) -> None:
        """Drop what was made. Where the server can't be reached the intents stay, and the next start does it."""
        quiet = replace(self.server, progress=Progress())
        for step, intent in begun:
            try:
                if step.action != "merge":
                    switch.settle(quiet, intent)
                intents.end(intent)
            except ServiceError:
                _leave(intents, intent)

    # One collection

    def _make(self, intents: IntentStore, step: Step, intent: Intent) -> tuple[Step, Intent]:
        """The new collection, empty, for all but a merge.

        Under another name where the server refuses one that no collection has: a milvus-lite that was killed while it
        made or dropped one keeps its directory.
        """
        if step.action == "merge":
            return step, intent
        try:
            self._create(step, intent)
        except (ResourceExists, SchemaMismatch):
            if step.action == "create" or live.find(self.server, step.fresh) is not None:
                raise
            other = f"{step.fresh}_{intent.id[:8]}"
            step, intent = replace(step, fresh=other), replace(intent, fresh=other)
            intents.note(intent)
            self._create(step, intent)
        return step, intent

    def _create(self, step: Step, intent: Intent) -> None:
        by_server, mark = self.request.keys != "keep", {switch.MARK: intent.id}
        making.create(self.server, step.fresh, step.fact, keys_by_server=by_server, mark=mark)

    def _load(self, step: Step) -> Timing:
        """Rows in, indexed, loaded, read back."""
        timing, started = Timing(), time.monotonic()
        self.progress.enter("load", step.name)
        if step.action == "merge":
            return merge(self.server, self.source, step, self.progress)
        if self.request.meta_only:
            self._index(step)
            return timing
        without = [step.key] if step.made_by_server and self.request.keys != "keep" else []
        written = {partition.name: self._write(step, partition, without) for partition in step.fact.partitions}
        live.flush(self.server, step.fresh)
        timing.load, started = time.monotonic() - started, time.monotonic()
        self.progress.enter("index", step.name)
        readable = self._index(step)
        timing.index, started = time.monotonic() - started, time.monotonic()
        if readable:
            self.progress.enter("check", step.name)
            self._check(step, written, without)
        if not (step.fact.loaded and self.request.indexes):
            live.release(self.server, step.fresh)
        timing.check = time.monotonic() - started
        return timing

    def _write(self, step: Step, partition: Any, without: list[str]) -> Sum:
        writer = Writer(self.server, step.fresh, step.shape, partition.name, without=without)
        total = Sum(step.shape, without)
        for batch in self.source.batches(step.fact, partition):
            writer.write(total.add(batch))
            self.progress.advance(batch.nbytes, len(batch))
        writer.finish()
        return total

    def _index(self, step: Step) -> bool:
        """Make the indexes and let the collection be read; whether it can be."""
        if self.request.indexes:
            making.create_indexes(self.server, step.fresh, self._indexes(step.fact))
        try:
            live.load(self.server, step.fresh)
        except NotFound:  # a server that reads no collection without an index
            self.warnings.append(say("milvus_not_read_back", name=step.name))
            return False
        return True

    def _indexes(self, fact: CollectionFact) -> list[IndexFact]:
        if not self.request.auto_index:
            return fact.indexes
        return [
            IndexFact(
                field=one.field,
                name=one.name,
                params={"index_type": AUTO_INDEX, "metric_type": one.params.get("metric_type", "COSINE")},
            )
            if one.params.get("metric_type", "NONE") not in ("", "NONE")
            else one
            for one in fact.indexes
        ]

    def _check(self, step: Step, written: dict[str | None, Sum], without: list[str]) -> None:
        """Raise InternalError unless the rows that are there are those that were written."""
        for partition, expected in written.items():
            found = Sum(step.shape, without)
            for batch in Reader(self.server, step.fresh, step.shape, partition).batches():
                found.add(batch)
                self.progress.expect_wanted()
            if (found.rows, found.hex) != (expected.rows, expected.hex):
                raise differ(step.name, expected.rows, found.rows)
        counted, rows = live.count(self.server, step.fresh), sum(one.rows for one in written.values())
        if counted != rows:
            raise differ(step.name, rows, counted)

    # The switch: nothing of it is cancelled

    def _put_all_in_place(
        self, intents: IntentStore, begun: list[tuple[Step, Intent]], timings: list[Timing]
    ) -> dict[str, RestoredCollection]:
        """One collection after the other. Where one fails, it and those behind it are undone."""
        server = replace(self.server, progress=Progress())
        done: dict[str, RestoredCollection] = {}
        for place, (step, intent) in enumerate(begun):
            try:
                if step.action == "swap":
                    intents.note(intent.switching)
                    begun[place] = step, intent.switching
                put = self._put_in_place(server, *begun[place])
                intents.end(intent)
            except ServiceError as error:
                details = {"collection": step.name, "in_place": [one.name for one in done.values()]}
                error.data.setdefault("details", {}).update(details)
                self._undo(intents, begun[place:])
                raise
            done[step.fact.name] = self._described(step, put, timings[place])
        return done

    def _described(self, step: Step, put: dict[str, Any], timing: Timing) -> RestoredCollection:
        return RestoredCollection(
            **put,
            rows=0 if self.request.meta_only else step.fact.rows,
            success=True,
            rows_before=step.rows_before,
            load_seconds=round(timing.load, 3),
            index_seconds=round(timing.index, 3),
            check_seconds=round(timing.check, 3),
        )

    def _put_in_place(self, server: Server, step: Step, intent: Intent) -> dict[str, Any]:
        done: dict[str, Any] = {"name": step.name, "action": "merged", "aliases": list(step.aliases)}
        if step.action == "create":
            for alias in step.aliases:
                making.point_alias(server, alias, step.name, there=False)
            switch.unmark(server, step.name)
            done["action"] = "created"
        elif step.action == "swap":
            done |= self._switched(server, step, intent)
        return done

    def _switched(self, server: Server, step: Step, intent: Intent) -> dict[str, Any]:
        loaded = step.fact.loaded and self.request.indexes
        started = time.monotonic()
        try:
            found = (
                switch.by_alias(server, intent) if step.by_alias else switch.by_rename(server, intent, loaded=loaded)
            )
        except ServiceError:
            if not _is_finished(server, intent):
                raise
            found = switch.Switched.settled(intent, round(time.monotonic() - started, 4))
        if not intent.drop_old:
            aliases = ", ".join(step.aliases)
            self.warnings.append(
                say("milvus_old_stays", name=intent.old or "", aliases=aliases, new=found.name)
                if step.by_alias
                else say("milvus_old_kept", name=intent.old or "")
            )
        return {
            "name": found.name,
            "action": "swapped",
            "switched_by": found.by,
            "old": None if intent.drop_old else intent.old,
            "window_seconds": found.window_seconds,
            "unloaded_seconds": found.unloaded_seconds,
        }


def _is_finished(server: Server, intent: Intent) -> bool:
    """Whether a switch that has failed could be finished all the same."""
    with suppress(ServiceError):
        return switch.settle(server, intent) == "finished"
    return False


def _leave(intents: IntentStore, intent: Intent) -> None:
    """Let another process, or this one later, settle what can't be settled now."""
    with suppress(ServiceError):
        intents.leave(intent)
