"""RedisBackupOperation: databases of one moment, or of none, into a set."""

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.redis.means import connect_seconds, means
from data_pipeline.operations.redis.requests import RedisBackupRequest
from data_pipeline.operations.redis.results import RedisBackedUp, SavedDatabase
from data_pipeline.operations.store_backup import StoreBackup
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.target import digest_of
from data_pipeline.sets.store_draft import StoreDraft
from data_pipeline.stores.redis.facts import RedisFacts
from data_pipeline.stores.redis.link import server
from data_pipeline.stores.redis.link.wire import connect
from data_pipeline.stores.redis.saving import consistency, scratch_server
from data_pipeline.stores.redis.saving.export import FAMILY, Export
from data_pipeline.stores.target import StoreTarget


class RedisBackupOperation(Operation[RedisBackupRequest]):
    """Saves logical databases of a server."""

    request: type[RedisBackupRequest] = RedisBackupRequest
    bug: Message = say("redis_backup_failed")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def target(self, request: RedisBackupRequest) -> StoreTarget:
        return self._engine.store_target(request.target, FAMILY)

    def expect_possible(self, request: RedisBackupRequest) -> StoreTarget:
        target = self.target(request)
        if request.consistency == "snapshot":
            scratch_server.program(self._engine.settings.redis.program)
        StoreBackup(self._engine, FAMILY, target, request.storages).expect_possible()
        return target

    def run(self, request: RedisBackupRequest, progress: Progress = SILENT) -> RedisBackedUp:
        target = self.expect_possible(request)
        saved: list[RedisFacts] = []
        backup = StoreBackup(self._engine, FAMILY, target, request.storages)
        if request.consistency == "live":
            backup.warnings.append(say("redis_live_backup"))
        done = backup.run(lambda draft: saved.append(self._save(request, target, draft, progress)))
        return _answer({name: getattr(done, name) for name in done.model_fields_set}, saved[0])

    def _save(
        self, request: RedisBackupRequest, target: StoreTarget, draft: StoreDraft, progress: Progress
    ) -> RedisFacts:
        with closing(connect(target, connect_seconds(self._engine))) as wire:
            source = server.inspect(wire)
            users_wire = wire if request.users else None
            with consistency.ground(request.consistency, target, source, means(self._engine), progress) as ground:
                export = Export(ground, source, draft, self._engine.settings.largest_field, progress)
                databases = export.databases(_numbers(request, target), request.keys)
                libraries = export.functions()
                users = export.users(users_wire) if users_wire else None
        facts = RedisFacts(
            kind=source.kind,
            consistency=request.consistency,
            moment=ground.moment.isoformat(timespec="milliseconds"),
            paused_seconds=ground.paused_seconds,
            databases=databases,
            payload_version=export.version,
            pattern=request.keys,
            libraries=libraries,
            users=users,
        )
        progress.settle()
        draft.publish(
            facts.model_dump(mode="json"),
            database=target.name,
            server_version=source.name,
            server=digest_of([FAMILY, target.host.lower(), target.port or 0]),
            partial=request.keys is not None,
        )
        return facts


def _numbers(request: RedisBackupRequest, target: StoreTarget) -> Sequence[int] | None:
    """None for all that have keys."""
    if request.databases is None:
        return [int(target.path or 0)]
    return None if request.databases == "all" else request.databases


def _answer(done: dict[str, Any], facts: RedisFacts) -> RedisBackedUp:
    return RedisBackedUp(
        **done,
        consistency=facts.consistency,
        moment=facts.moment,
        paused_seconds=facts.paused_seconds,
        databases={number: SavedDatabase(**fact.model_dump()) for number, fact in facts.databases.items()},
        functions=facts.libraries,
        users=facts.users,
    )
