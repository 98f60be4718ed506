"""RedisComparison: what differs between a set and live databases, or another set."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

from common.errors import NotFound, ServiceError
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.redis.means import connect_seconds
from data_pipeline.operations.redis.places import chosen, places
from data_pipeline.operations.redis.requests import RedisCompareRequest
from data_pipeline.operations.redis.restore import info, rehearsed
from data_pipeline.operations.redis.results import RedisCompared
from data_pipeline.operations.requests.named_set import NamedSet
from data_pipeline.operations.results.result import StoreTarget as ShownTarget
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.storage import location
from data_pipeline.stores.redis import comparing, stored
from data_pipeline.stores.redis.comparing import Difference
from data_pipeline.stores.redis.facts import RedisFacts
from data_pipeline.stores.redis.link import server
from data_pipeline.stores.redis.link.wire import connect
from data_pipeline.stores.redis.records import Record
from data_pipeline.stores.redis.restoring.loading import Wanted
from data_pipeline.stores.redis.restoring.restoring import Plan
from data_pipeline.stores.redis.saving.export import FAMILY
from data_pipeline.stores.redis.store import STORE
from data_pipeline.stores.target import StoreTarget


class RedisComparison:
    """Changes nothing. Every method raises ServiceError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def compare(self, request: RedisCompareRequest, progress: Progress = SILENT) -> RedisCompared:
        started = time.monotonic()
        target = self._engine.store_target(request.target, FAMILY) if request.target else None
        with ExitStack() as stack:
            held, *others = [
                stack.enter_context(self._engine.catalog.held(location.parse(one.backup_path), one.timestamp, FAMILY))
                for one in _named(request)
            ]
            facts: RedisFacts = STORE.facts_of(held)
            if target is not None:
                numbers, found = self._with_live(request, held, facts, target, progress)
            else:
                numbers, found = self._with_set(request, held, facts, others[0])
        identical = all(one.identical for one in found.values())
        return RedisCompared(
            response=say("compared_identical") if identical else say("compared_different"),
            identical=identical,
            databases={str(source): rehearsed(numbers[source], one) for source, one in found.items()},
            backup_info=info(held),
            other=info(others[0]) if others else None,
            target=ShownTarget(**target.public()) if target else None,
            warnings=[say("redis_live_set")] if facts.consistency == "live" else [],
            duration=round(time.monotonic() - started, 3),
        )

    def _with_live(
        self,
        request: RedisCompareRequest,
        held: HeldSet,
        facts: RedisFacts,
        target: StoreTarget,
        progress: Progress,
    ) -> tuple[dict[int, int], dict[int, Difference]]:
        numbers = places(facts, request.databases, request.into, target)
        plan = Plan(numbers, pattern=request.keys or facts.pattern)
        try:
            with closing(connect(target, connect_seconds(self._engine))) as wire:
                known = server.inspect(wire)
                return numbers, {
                    source: comparing.with_live(wire, held, source, number, plan, known=known, progress=progress)
                    for source, number in numbers.items()
                }
        except ServiceError as error:
            error.data.setdefault("target", target.public())
            raise

    def _with_set(
        self, request: RedisCompareRequest, held: HeldSet, facts: RedisFacts, other: HeldSet
    ) -> tuple[dict[int, int], dict[int, Difference]]:
        """Databases of one number, or the only ones of both."""
        theirs: RedisFacts = STORE.facts_of(other)
        numbers = {number: number for number in chosen(facts, request.databases)}
        if len(numbers) == 1 and len(theirs.numbers) == 1:
            numbers = dict.fromkeys(numbers, theirs.numbers[0])
        missing = sorted(set(numbers.values()) - set(theirs.numbers))
        if missing:
            text = say("redis_set_without_database", database=missing[0], databases=tuple(map(str, theirs.numbers)))
            raise NotFound(text, details={"field": "with"})
        wanted = Plan(numbers, pattern=request.keys).wanted
        moment = int(time.time() * 1000)
        return numbers, {
            source: comparing.with_set(_records(held, source, wanted), _records(other, number, wanted), moment)
            for source, number in numbers.items()
        }


def _named(request: RedisCompareRequest) -> list[NamedSet]:
    return [request.named_set, request.other] if request.other else [request.named_set]


def _records(held: HeldSet, number: int, wanted: Wanted) -> Iterator[Record]:
    return (record for _, found in stored.records(held, number) for record in found if wanted(record))
