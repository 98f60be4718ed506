"""A stack backed up: all members at a time, and one file that vouches for all of their sets."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from common.errors import InvalidBackup, ServiceError
from common.messages import say
from common.result import now
from data_pipeline.engine import Engine
from data_pipeline.operations.backup.snapshot import seconds_from_now
from data_pipeline.operations.results.backup import StoredCopy
from data_pipeline.operations.results.result import StoreTarget
from data_pipeline.operations.stacks import together
from data_pipeline.operations.stacks.members import Member, Members, StackTarget
from data_pipeline.operations.stacks.results import MemberSet, StackBackedUp
from data_pipeline.operations.stacks.together import Shared
from data_pipeline.postgres.progress import Progress
from data_pipeline.sets.stack_set import MemberFact, StackFact, StackSets
from data_pipeline.sets.summary import rows_of
from data_pipeline.storage.location import Location
from data_pipeline.stores import registry
from data_pipeline.version import VERSION


class StackBackup:
    """One backup of a stack. Every step raises ServiceError.

    storages: the first gets the sets, the others copies. options: by role, fields of the members' own requests.
    """

    def __init__(
        self,
        engine: Engine,
        members: Members,
        stack: StackTarget,
        storages: Sequence[str],
        options: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._engine = engine
        self._members = members
        self._stack = stack
        self._storages = storages
        self._where = engine.catalog.location(None, storages[0])
        self._requests = {one.role: members.backup(one, storages, options.get(one.role, {})) for one in stack.members}
        self._warnings: list[str] = []
        self._lacking: dict[str, StoredCopy] = {}
        """By storage: why a copy of a member's set isn't there."""

    def expect_possible(self) -> None:
        """Raise what can be known to stand in the way before a store is asked."""
        for member in self._stack.members:
            self._members.expect_possible(member, self._requests[member.role])

    def run(self, progress: Progress, *, precaution: bool = False) -> StackBackedUp:
        """Do it. Nothing is begun where a member is out of reach; where one fails, its error says which sets exist."""
        started = time.monotonic()
        _, away = together.each(self._stack.members, self._members.probe)
        if away:
            raise together.first(away)
        shared = Shared(progress)
        done, failed = together.each(self._stack.members, lambda member: self._back_up(member, shared), shared)
        if failed:
            raise self._telling(together.first(failed), done)
        ordered = {member.role: done[member.role] for member in self._stack.members}
        fact = self._write(ordered, precaution=precaution)
        copies = self._copies(fact)
        lacking = [storage for storage, one in copies.items() if not one.success]
        return StackBackedUp(
            response=say("stack_backup_partial") if lacking else say("stack_backup_complete"),
            backup_performed=True,
            stack=self._stack.name,
            backup_directory=self._where.relative_path,
            backup_timestamp=fact.timestamp,
            members={role: MemberSet.of(one) for role, one in fact.members.items()},
            storages=copies,
            errors=[say("backup_to_storage_failed", storage=storage) for storage in lacking],
            warnings=self._warnings,
            target=StoreTarget(**self._stack.public()),
            duration=round(time.monotonic() - started, 3),
        )

    def _back_up(self, member: Member, shared: Shared) -> dict[str, Any]:
        """What the stack's set says of one."""
        began = now()
        made = self._members.run(member, self._requests[member.role], shared.of(member.role)).data()
        self._warnings += [say("of_member", role=member.role, text=one) for one in made["warnings"]]
        for storage, one in made["storages"].items():
            if not one["success"]:
                text = say("of_member", role=member.role, text=one["error"])
                self._lacking[storage] = StoredCopy(success=False, error=text, error_type=one["error_type"])
        timestamp = made["backup_timestamp"]
        manifest = self._engine.catalog.find_any(self._where, timestamp).manifest
        assert manifest is not None  # noqa: S101 - it was written a moment ago
        facts = getattr(manifest, "store", {})
        plain = "snapshot" if registry.of(member.family).capabilities.snapshot else "live"
        return {
            "family": member.family,
            "target": member.name,
            "database": manifest.database,
            "timestamp": timestamp,
            "manifest": manifest.sha256,
            "rows": rows_of(manifest),
            "bytes": sum(fact.bytes for fact in manifest.file_facts.values()),
            "consistency": facts.get("consistency", plain),
            "started_at": facts.get("moment") or facts.get("started_at", began),
            "ended_at": facts.get("ended_at", manifest.created_at),
        }

    def _write(self, members: Mapping[str, Mapping[str, Any]], *, precaution: bool) -> StackFact:
        facts = {
            "created_at": now(),
            "tool_version": VERSION,
            "members": {role: dict(one) for role, one in members.items()},
            "precaution": precaution,
        }
        timestamps = seconds_from_now(self._engine.settings.timestamp_format)
        return StackSets(self._engine.storages).write(self._where, self._stack.name, timestamps, facts)

    def _copies(self, fact: StackFact) -> dict[str, StoredCopy]:
        """Into each further storage, if the sets of all members are there."""
        found = {self._where.storage: StoredCopy(success=True)}
        sets = StackSets(self._engine.storages)
        for storage in self._storages[1:]:
            where = Location(self._where.parts, storage)
            if storage in self._lacking:
                found[storage] = self._lacking[storage]
                continue
            try:
                expect_whole(self._engine, where, fact)
                sets.copy(sets.find(self._where, fact.name, fact.timestamp), where)
                found[storage] = StoredCopy(success=True)
            except ServiceError as error:
                found[storage] = StoredCopy(success=False, error=error.response, error_type=error.error_type)
        return found

    def _telling(self, error: BaseException, done: Mapping[str, Mapping[str, Any]]) -> BaseException:
        """The error, with the sets that exist nevertheless."""
        if isinstance(error, ServiceError):
            path = self._where.relative_path
            error.data["sets"] = {
                role: {"backup_path": path, "timestamp": one["timestamp"]} for role, one in done.items()
            }
            error.data.setdefault("target", self._stack.public())
        return error


def expect_whole(engine: Engine, where: Location, fact: StackFact, roles: Sequence[str] | None = None) -> None:
    """Raise NotFound or InvalidBackup unless each member's set is there, with the manifest that the stack's vouches
    for."""
    for role, member in fact.members.items():
        if roles is None or role in roles:
            expect_meant(role, member, engine.catalog.find_any(where, member.timestamp).manifest)


def expect_meant(role: str, member: MemberFact, manifest: Any) -> None:
    """Raise InvalidBackup for another set than the one a stack's set was written for."""
    if manifest is None or manifest.sha256 != member.manifest:
        reason = say("stack_member_differs", role=role)
        raise InvalidBackup(reason, can_retry=False, member=role, details={"reason": reason, "member": role})
