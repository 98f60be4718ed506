"""A set into a server's database, all or nothing."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from common.errors import SchemaMismatch, ServiceError, StorageFull
from common.messages import say
from common.sizes import format_size
from data_pipeline.postgres.progress import Progress
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.stores.neo4j import lock, schema, stored
from data_pipeline.stores.neo4j.facts import Neo4jFacts
from data_pipeline.stores.neo4j.link import Kernel, kernel, session, told
from data_pipeline.stores.neo4j.lock import Lock
from data_pipeline.stores.neo4j.schema import SchemaFact
from data_pipeline.stores.neo4j.writing import Writing, is_empty
from data_pipeline.stores.target import StoreTarget

Mode = Literal["empty", "replace", "merge"]
RAW_FACTOR, EACH_BYTES = 4, 1500
"""What a transaction takes in the server, by a record's bytes and for each: 100,000 small nodes took 120 MB."""


@dataclass(frozen=True)
class Plan:
    """keys: when merging, by label or type the property that tells one from another."""

    mode: Mode
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Restored:
    """batches: whether it was more than one transaction. created: constraints and indexes that weren't there."""

    batches: bool
    created: list[str]


class Restoring:
    """One set and one target. Every method raises ServiceError, Cancelled."""

    def __init__(
        self, target: StoreTarget, held: HeldSet, facts: Neo4jFacts, seconds: float, progress: Progress
    ) -> None:
        self._target = target
        self._held = held
        self._facts = facts
        self._seconds = seconds
        self._progress = progress

    def check(self, plan: Plan, opened: Any) -> tuple[Kernel, list[SchemaFact], bool]:
        """Everything that can be known before a node is written: the set, the database, its memory. Whether batches
        are needed."""
        stored.expect_whole(self._held, self._facts)
        known = kernel(opened)
        lock.recover(opened)
        missing = schema.missing(opened, self._facts.schema_)
        if plan.mode == "empty" and not is_empty(opened):
            raise SchemaMismatch(say("neo4j_not_empty"), can_retry=False)
        needed = RAW_FACTOR * self._facts.raw_bytes + EACH_BYTES * (self._facts.nodes + self._facts.relationships)
        if needed > known.limit and plan.mode != "empty":
            raise StorageFull(
                say("neo4j_needs_memory", needed=format_size(needed), limit=format_size(known.limit)),
                can_retry=False,
                details={"needed_bytes": needed, "limit_bytes": known.limit},
            )
        return known, missing, needed > known.limit

    def run(self, plan: Plan) -> Restored:
        with session(self._target, self._seconds) as opened:
            _, missing, batches = self.check(plan, opened)
            writing = Writing(self._held, self._facts, self._progress, plan.keys)
            if plan.mode == "merge":
                self._merge(opened, writing, missing)
            elif batches:
                self._stage(opened, writing)
            else:
                with opened.begin_transaction() as transaction:
                    (writing.replace if plan.mode == "replace" else writing.fill)(transaction)
                    self._progress.settle()
                    transaction.commit()
            if plan.mode != "merge":
                schema.create(opened, missing)
        return Restored(batches, [fact.name for fact in missing])

    def _merge(self, opened: Any, writing: Writing, missing: list[SchemaFact]) -> None:
        """Constraints first: by their indexes nodes are found. They go again if it fails."""
        schema.create(opened, missing)
        try:
            with opened.begin_transaction() as transaction:
                writing.merge(transaction)
                self._progress.settle()
                transaction.commit()
        except BaseException:
            with suppress(ServiceError), told():
                schema.drop(opened, missing)
            raise

    def _stage(self, opened: Any, writing: Writing) -> None:
        taken = Lock.take(opened)
        try:
            writing.stage(opened, taken)
        except BaseException:
            with suppress(ServiceError), session(self._target, self._seconds) as another:
                taken.withdraw(another)
            raise
