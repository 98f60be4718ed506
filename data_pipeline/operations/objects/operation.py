"""ObjectsBackupOperation and ObjectsRestoreOperation: the objects of a bucket saved, and brought back."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from common.errors import DatabaseError, InvalidBackup, InvalidParams, ServiceError, ServiceUnavailable
from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.backup_sets import named
from data_pipeline.operations.objects import plan as plans
from data_pipeline.operations.objects.apart import expect_apart
from data_pipeline.operations.objects.plan import Plan
from data_pipeline.operations.objects.requests import ObjectsBackupRequest, ObjectsRestoreRequest
from data_pipeline.operations.objects.results import ObjectsRestored
from data_pipeline.operations.objects.saving import Saving
from data_pipeline.operations.objects.writing import Writing
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.results.result import NamedBackup
from data_pipeline.operations.results.result import StoreTarget as ShownTarget
from data_pipeline.operations.results.store_backup import StoreBackedUp
from data_pipeline.operations.store_backup import StoreBackup
from data_pipeline.postgres.progress import SILENT, Cancelled, Progress, Uncounted
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.storage import location
from data_pipeline.stores.intents import Intent
from data_pipeline.stores.objects.bucket import ObjectBucket
from data_pipeline.stores.objects.content import SetReader
from data_pipeline.stores.objects.record import Record
from data_pipeline.stores.objects.store import STORE, ObjectsFacts
from data_pipeline.stores.target import StoreTarget

FAMILY = STORE.family


class ObjectsBackupOperation(Operation[ObjectsBackupRequest]):
    """Saves the objects below a prefix, each as it is when it is read."""

    request: type[ObjectsBackupRequest] = ObjectsBackupRequest
    bug: Message = say("objects_backup_failed")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def target(self, request: ObjectsBackupRequest) -> StoreTarget:
        return self._engine.store_target(request.target, FAMILY)

    def expect_possible(self, request: ObjectsBackupRequest) -> StoreTarget:
        target = self.target(request)
        expect_apart(self._engine, target)
        StoreBackup(self._engine, FAMILY, target, request.storages).expect_possible()
        return target

    def run(self, request: ObjectsBackupRequest, progress: Progress = SILENT) -> StoreBackedUp:
        target = self.expect_possible(request)
        backup = StoreBackup(self._engine, FAMILY, target, request.storages)
        saving = Saving(ObjectBucket(target), target, request.prefix or "", progress)
        return backup.run(lambda draft: saving.save(draft, backup))


class ObjectsRestoreOperation(Operation[ObjectsRestoreRequest]):
    """Writes objects of a set, each read back. What fails is undone: a bucket has no transaction of its own."""

    request: type[ObjectsRestoreRequest] = ObjectsRestoreRequest
    bug: Message = say("objects_restore_failed")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def target(self, request: ObjectsRestoreRequest) -> StoreTarget:
        return self._engine.store_target(request.target, FAMILY)

    def expect_possible(self, request: ObjectsRestoreRequest) -> StoreTarget:
        target = self.target(request)
        expect_apart(self._engine, target)
        found = self._engine.catalog.find_any(
            location.parse(request.named_set.backup_path), request.named_set.timestamp
        )
        if not isinstance(found, HeldSet) or found.family != FAMILY:
            layout = found.family if isinstance(found, HeldSet) else found.layout.family
            text = say("set_of_another_layout", layout=layout)
            raise InvalidParams(text, details={"field": "set", "layout": layout})
        _scope(STORE.facts_of(found), request)
        return target

    def expect_free(self, request: ObjectsRestoreRequest) -> None:
        with suppress(ServiceUnavailable):
            intent = _intent_of(request, self.target(request))
            self._engine.intents.store.begin(intent)
            self._engine.intents.store.end(intent)

    def run(self, request: ObjectsRestoreRequest, progress: Progress = SILENT) -> ObjectsRestored:
        return self._run(request, progress, finishing=False)

    def finish(self, request: ObjectsRestoreRequest) -> None:
        """Complete what a killed process has begun: what was there before that is saved already."""
        done = request.model_copy(update={"backup_before_restore": False})
        self._run(done, SILENT, finishing=True)

    def _run(self, request: ObjectsRestoreRequest, progress: Progress, *, finishing: bool) -> ObjectsRestored:
        target, started = self.target(request), time.monotonic()
        expect_apart(self._engine, target)
        where = location.parse(request.named_set.backup_path)
        try:
            with self._engine.catalog.held(where, request.named_set.timestamp, FAMILY) as held:
                return _Restore(self._engine, held, request, target, progress, finishing).run(started)
        except ServiceError as error:
            error.data.setdefault("target", target.public())
            raise


@dataclass
class _Restore:
    engine: Engine
    held: HeldSet
    request: ObjectsRestoreRequest
    target: StoreTarget
    progress: Progress
    finishing: bool = False
    unsettled: bool = False
    """Something was changed, and neither completed nor undone: the bucket is out of reach."""
    warnings: list[str] = field(default_factory=list)

    def run(self, started: float) -> ObjectsRestored:
        self.progress.enter("verify", None)
        STORE.verify(self.held)  # to its last byte, before anything is touched
        scope = _scope(STORE.facts_of(self.held), self.request)
        reader, bucket = SetReader(self.held), ObjectBucket(self.target, self.request.to_prefix or "")
        self.progress.enter("check", None)
        records = list(reader.records(scope))
        _expect_writable(records, bucket.longest)
        mirror = self.request.mode == "mirror"
        with self._alone() as intent:  # what is there stays as it is planned for
            plan = plans.make(bucket, records, scope, self.progress, mirror=mirror)
            if self.request.dry_run:
                return self._describe(plan, started, 0, None)
            before = self._saved_before(plan, scope)
            if plan.changes_what_is_there and before is None:
                self.progress.settle()  # there is no way back
            writing = Writing(bucket, reader, plan, self.progress, mirror=mirror)
            self._note(intent)
            try:
                writing.run()
            except BaseException as error:
                self._undo(error, writing, plan, before, scope)
                raise
        plan.meet(writing.met)
        return self._describe(plan, started, writing.verified, before)

    @contextmanager
    def _alone(self) -> Iterator[Intent | None]:
        """Keep other restores away. Raises OperationInProgress while one is at work there, or is being finished.
        Without the jobs database, it is only told; a rehearsal keeps none away."""
        if self.finishing or self.request.dry_run:
            yield None
            return
        intent = _intent_of(self.request, self.target)
        try:
            self.engine.intents.store.begin(intent)
        except ServiceUnavailable:
            self.warnings.append(say("objects_not_noted"))
            yield None
            return
        try:
            yield intent
        finally:
            with suppress(ServiceUnavailable):
                if self.unsettled:
                    self.engine.intents.store.leave(intent)
                else:
                    self.engine.intents.store.end(intent)

    def _note(self, intent: Intent | None) -> None:
        """Write down that from now on another process has to finish what is done, if this one is killed (recovery)."""
        if intent is None:
            return
        try:
            self.engine.intents.store.note(replace(intent, stage="loading"))
        except ServiceUnavailable:
            self.warnings.append(say("objects_not_noted"))

    def _saved_before(self, plan: Plan, scope: str) -> NamedBackup | None:
        """Today's state, where something of it goes."""
        wanted = self.request.backup_before_restore
        if wanted is False or not (plan.changes_what_is_there or wanted):
            return None
        backup = StoreBackup(self.engine, FAMILY, self.target, [self.held.location.storage])
        below = ObjectBucket(self.target)
        saving = Saving(below, self.target, (self.request.to_prefix or "") + scope, Uncounted(self.progress))
        made = backup.run(lambda draft: saving.save(draft, backup, precaution=True))
        return NamedBackup(backup_path=made.backup_directory, timestamp=made.backup_timestamp)

    def _undo(
        self,
        error: BaseException,
        writing: Writing,
        plan: Plan,
        before: NamedBackup | None,
        scope: str,
    ) -> None:
        """Bring back what was there, as far as it was saved; the error says whether that worked."""
        undone = not writing.begun
        with suppress(ServiceError):
            writing.take_back()
            undone = undone or not plan.changes_what_is_there
            if before is not None and not undone:
                self._bring_back(before, scope)
                undone = True
        self.unsettled = not undone
        told = error if isinstance(error, ServiceError) else DatabaseError(say("objects_not_undone"), can_retry=False)
        told.data["rolled_back"] = undone
        if before is not None:
            told.data["backup_before_restore"] = before.data()
            told.data["undo"] = self._undo_body(before)
        if isinstance(error, Cancelled) and not undone:
            raise told from None

    def _bring_back(self, before: NamedBackup, scope: str) -> None:
        where = location.parse(before.backup_path)
        with self.engine.catalog.held(where, before.timestamp, FAMILY) as held:
            reader, bucket = SetReader(held), ObjectBucket(self.target)
            whole = (self.request.to_prefix or "") + scope
            plan = plans.make(bucket, reader.records(whole), whole, SILENT, mirror=True)
            Writing(bucket, reader, plan, SILENT, mirror=True).run()

    def _undo_body(self, before: NamedBackup) -> dict[str, Any]:
        """What brings today's state back, as a request. The set's own scope is what it replaces."""
        return {"set": before.data(), "target": self.target.name, "mode": "mirror"}

    def _describe(self, plan: Plan, started: float, verified: int, before: NamedBackup | None) -> ObjectsRestored:
        dry = self.request.dry_run
        return ObjectsRestored(
            response=say("objects_restore_planned") if dry else say("objects_restored"),
            restore_performed=not dry,
            dry_run=dry or None,
            mode=self.request.mode,
            backup_info=named(self.held.location, self.held.timestamp),
            objects=plan.counts(),
            verified=verified,
            samples=plan.samples(),
            backup_before_restore=before,
            undo=self._undo_body(before) if before else None,
            errors=[],
            warnings=[*self.warnings, *([say("objects_kept", count=len(plan.kept))] if plan.kept else [])],
            target=ShownTarget(**self.target.public()),
            duration=round(time.monotonic() - started, 3),
        )


def _scope(facts: ObjectsFacts, request: ObjectsRestoreRequest) -> str:
    """What the keys begin with that a restore is about: never more than the set has been limited to."""
    asked = request.prefix or facts.selected
    if not asked.startswith(facts.selected):
        text = say("objects_set_is_limited", prefix=facts.selected)
        raise InvalidParams(text, details={"field": "prefix", "prefix": facts.selected})
    return asked


def _expect_writable(records: list[Record], longest: int) -> None:
    """Raise InvalidParams for a key that has no room below the target's prefix, InvalidBackup for metadata that no
    header can hold."""
    for one in records:
        if not all(text.isascii() for pair in one.said.metadata.items() for text in pair):
            raise InvalidBackup(say("objects_metadata_invalid"), can_retry=False, details={"key": one.key})
        if len(one.key.encode()) > longest:
            raise InvalidParams(say("objects_key_too_long"), details={"field": "to_prefix", "key": one.key})


def _intent_of(request: ObjectsRestoreRequest, target: StoreTarget) -> Intent:
    return Intent(
        id=secrets.token_hex(16),
        target=target.name,
        digest=target.digest,
        collection=FAMILY,
        fresh="",
        stage="planning",
        family=FAMILY,
        request=json.dumps(request.as_sent()),
    )
