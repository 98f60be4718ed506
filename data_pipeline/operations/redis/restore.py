"""RedisRestoreOperation: a set into a server, or told what that would do."""

import time
from contextlib import closing

from common.errors import InvalidParams, ServiceError
from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.redis.means import connect_seconds
from data_pipeline.operations.redis.places import places
from data_pipeline.operations.redis.requests import RedisRestoreRequest
from data_pipeline.operations.redis.results import (
    RedisRehearsed,
    RedisRestored,
    RehearsedDatabase,
    RestoredDatabase,
)
from data_pipeline.operations.results.compare import Samples
from data_pipeline.operations.results.restore import Problem
from data_pipeline.operations.results.result import BackupInfo
from data_pipeline.operations.results.result import StoreTarget as ShownTarget
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.storage import location
from data_pipeline.storage.naming import backup_date
from data_pipeline.stores.redis import comparing
from data_pipeline.stores.redis.comparing import Difference
from data_pipeline.stores.redis.facts import RedisFacts
from data_pipeline.stores.redis.link import server
from data_pipeline.stores.redis.link.wire import connect
from data_pipeline.stores.redis.restoring import claim
from data_pipeline.stores.redis.restoring.restoring import Mode, Plan, Restored, Restoring
from data_pipeline.stores.redis.saving.export import FAMILY
from data_pipeline.stores.redis.store import STORE
from data_pipeline.stores.target import StoreTarget


class RedisRestoreOperation(Operation[RedisRestoreRequest]):
    """Brings databases back, all or nothing."""

    request: type[RedisRestoreRequest] = RedisRestoreRequest
    bug: Message = say("redis_restore_failed")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def target(self, request: RedisRestoreRequest) -> StoreTarget:
        return self._engine.store_target(request.target, FAMILY)

    def expect_possible(self, request: RedisRestoreRequest) -> StoreTarget:
        target = self.target(request)
        named = request.named_set
        with self._engine.catalog.held(location.parse(named.backup_path), named.timestamp, FAMILY) as held:
            self._plan(request, STORE.facts_of(held), target)
        return target

    def expect_free(self, request: RedisRestoreRequest) -> None:
        target, named = self.target(request), request.named_set
        with self._engine.catalog.held(location.parse(named.backup_path), named.timestamp, FAMILY) as held:
            plan = self._plan(request, STORE.facts_of(held), target)
        with closing(connect(target, connect_seconds(self._engine))) as wire:
            claim.expect_free(wire, server.inspect(wire), list(plan.databases.values()))

    def run(self, request: RedisRestoreRequest, progress: Progress = SILENT) -> RedisRestored | RedisRehearsed:
        target, named = self.target(request), request.named_set
        started = time.monotonic()
        with self._engine.catalog.held(location.parse(named.backup_path), named.timestamp, FAMILY) as held:
            facts: RedisFacts = STORE.facts_of(held)
            plan = self._plan(request, facts, target)
            restoring = Restoring(target, held, facts, connect_seconds(self._engine), progress)
            try:
                if request.dry_run:
                    return self._rehearsed(request, target, held, facts, plan, progress, started)
                return _answer(request, target, held, facts, plan, restoring.run(plan), started)
            except ServiceError as error:
                error.data.setdefault("target", target.public())
                raise

    def _plan(self, request: RedisRestoreRequest, facts: RedisFacts, target: StoreTarget) -> Plan:
        if facts.pattern is not None and request.mode == "replace":
            raise InvalidParams(say("redis_partial_set_replaces", pattern=facts.pattern), details={"field": "mode"})
        mode: Mode = "replace" if request.mode == "replace" else request.on_conflict
        return Plan(
            places(facts, request.databases, request.into, target),
            mode,
            request.keys,
            keep=request.keep_old,
            functions=request.functions,
            users=request.users,
        )

    def _rehearsed(
        self,
        request: RedisRestoreRequest,
        target: StoreTarget,
        held: HeldSet,
        facts: RedisFacts,
        plan: Plan,
        progress: Progress,
        started: float,
    ) -> RedisRehearsed:
        problems: list[Problem] = []
        found: dict[str, RehearsedDatabase] = {}
        seconds = connect_seconds(self._engine)
        try:
            Restoring(target, held, facts, seconds, progress).check(plan)
        except ServiceError as error:
            problems.append(Problem(error=error.response, error_type=error.error_type))
        try:
            with closing(connect(target, seconds)) as wire:
                known = server.inspect(wire)
                for source, number in plan.databases.items():
                    found[str(source)] = rehearsed(
                        number,
                        comparing.with_live(wire, held, source, number, plan, known=known, progress=progress),
                    )
        except ServiceError as error:
            if error.response not in [one.error for one in problems]:
                problems.append(Problem(error=error.response, error_type=error.error_type))
        return RedisRehearsed(
            response=say("redis_rehearsed_with_problems") if problems else say("redis_rehearsed"),
            dry_run=True,
            restore_performed=False,
            mode=request.mode,
            backup_info=info(held),
            consistency=facts.consistency,
            moment=facts.moment,
            databases=found,
            problems=problems,
            warnings=_warnings(facts, plan),
            target=ShownTarget(**target.public()),
            duration=round(time.monotonic() - started, 3),
        )


def rehearsed(number: int, found: Difference) -> RehearsedDatabase:
    """How a difference is told."""
    return RehearsedDatabase(
        database=number,
        only_in_backup=found.only_in_backup,
        only_in_other=found.only_in_other,
        different=found.different,
        same=found.same,
        expired=found.expired,
        samples=Samples(**found.samples),
    )


def info(held: HeldSet) -> BackupInfo:
    """A set, as requests name it."""
    return BackupInfo(
        backup_path=held.location.relative_path, timestamp=held.timestamp, backup_date=backup_date(held.timestamp)
    )


def _answer(
    request: RedisRestoreRequest,
    target: StoreTarget,
    held: HeldSet,
    facts: RedisFacts,
    plan: Plan,
    done: Restored,
    started: float,
) -> RedisRestored:
    merged = {"keys_added": done.switched.moved, "keys_replaced": done.switched.replaced}
    return RedisRestored(
        response=say("redis_restored") if request.mode == "replace" else say("redis_merged"),
        restore_performed=True,
        mode=request.mode,
        backup_info=info(held),
        consistency=facts.consistency,
        moment=facts.moment,
        databases={
            str(source): RestoredDatabase(
                database=plan.databases[source],
                keys=loaded.keys,
                expired=loaded.expired,
                kept_as=done.kept.get(plan.databases[source]),
            )
            for source, loaded in done.loaded.items()
        },
        **(merged if request.mode == "merge" else {}),
        switch_seconds=done.switched.seconds,
        warnings=_warnings(facts, plan),
        target=ShownTarget(**target.public()),
        duration=round(time.monotonic() - started, 3),
    )


def _warnings(facts: RedisFacts, plan: Plan) -> list[str]:
    found: list[str] = [say("redis_live_set")] if facts.consistency == "live" else []
    if facts.libraries and not plan.functions:
        found.append(say("redis_functions_left", libraries=tuple(facts.libraries)))
    return found
