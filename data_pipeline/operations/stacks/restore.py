"""A stack restored: everything verified first, then member after member, each all or nothing."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from common.errors import InvalidParams, ServiceError
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations import read_back
from data_pipeline.operations.results.result import NamedBackup, StoreTarget
from data_pipeline.operations.stacks import together
from data_pipeline.operations.stacks.backup import StackBackup, expect_meant
from data_pipeline.operations.stacks.members import Member, Members, StackTarget, of_member
from data_pipeline.operations.stacks.requests import StackRestoreRequest
from data_pipeline.operations.stacks.results import MemberState, RestoredMember, StackRestored
from data_pipeline.operations.stacks.together import Shared
from data_pipeline.postgres.progress import Progress
from data_pipeline.sets.stack_set import StackSet
from data_pipeline.sets.verify import ReadFile


class StackRestore:
    """One restore of a stack. Every step raises ServiceError."""

    def __init__(
        self, engine: Engine, members: Members, stack: StackTarget, found: StackSet, request: StackRestoreRequest
    ) -> None:
        self._engine = engine
        self._members = members
        self._stack = stack
        self._found = found
        self._request = request
        for member in stack.members:
            self._expect_in_set(member)
        self._asked = {member.role: self._ask(member, dry_run=request.dry_run) for member in stack.members}

    def expect_possible(self) -> None:
        """Raise what can be known to stand in the way before a store is asked."""
        for member in self._stack.members:
            if request := self._asked[member.role]:
                self._members.expect_possible(member, request)

    def run(self, progress: Progress) -> StackRestored:
        """Do it, and say of each member what happened. Raises the error of the first member, if that fails."""
        started, request = time.monotonic(), self._request
        done: dict[str, RestoredMember] = {}
        with ExitStack() as held:
            self._verify(held, progress)
            _, away = together.each(self._stack.members, self._members.probe)
            if away:
                raise together.first(away)
            self._expect_free()
            undo = self._undo(progress)
            for member in self._stack.members:
                done[member.role] = self._restored(member, Shared(progress), done, undo)
        failed = [role for role, one in done.items() if one.state == "failed"]
        return StackRestored(
            response=self._said(failed),
            restore_performed=not request.dry_run,
            dry_run=request.dry_run or None,
            stack=self._stack.name,
            set=self._named(),
            members=done,
            undo=undo,
            errors=[say("of_member", role=role, text=done[role].error or "") for role in failed],
            warnings=[],
            target=StoreTarget(**self._stack.public()),
            duration=round(time.monotonic() - started, 3),
        )

    def _verify(self, held: ExitStack, progress: Progress) -> None:
        """Lock every member's set and read it to its last byte, before any member is touched."""
        for member in self._stack.members:
            verify_member(self._engine, held, self._found, member.role, Shared(progress).of(member.role))

    def _expect_free(self) -> None:
        """Raise OperationInProgress before the first member is touched, rather than in the middle of a restore."""
        for member in self._stack.members:
            if (request := self._asked[member.role]) and not self._request.dry_run:
                self._members.expect_free(member, request)

    def _undo(self, progress: Progress) -> dict[str, Any] | None:
        """A backup of the members as they are, as the request that brings it back."""
        request = self._request
        if request.dry_run or request.rename_suffix or not request.backup_before_restore:
            return None
        storages = [self._found.location.storage]
        facts = self._found.fact.members
        options = {one.role: self._members.as_before(one, facts[one.role].consistency) for one in self._stack.members}
        made = StackBackup(self._engine, self._members, self._stack, storages, options).run(progress, precaution=True)
        named = {"backup_path": made.backup_directory, "timestamp": made.backup_timestamp}
        return {"set": named, "members": [one.role for one in self._stack.members]}

    def _restored(
        self, member: Member, shared: Shared, done: Mapping[str, RestoredMember], undo: dict[str, Any] | None
    ) -> RestoredMember:
        if any(one.state == "failed" for one in done.values()) and not self._request.dry_run:
            return self._describe(member, "not_begun")
        request = self._asked[member.role]
        if request is None:
            return self._describe(member, "verified")
        try:
            result = self._members.run(member, request, shared.of(member.role))
        except ServiceError as error:
            if not done and not self._request.dry_run:
                error.data["undo"] = undo
                error.data["not_begun"] = [one.role for one in self._stack.members if one is not member]
                raise
            return self._describe(
                member,
                "failed",
                error=error.response,
                error_type=error.error_type,
                rolled_back=error.data.get("rolled_back"),
            )
        return self._describe(member, "rehearsed" if self._request.dry_run else "restored", answer=result.data())

    def _describe(self, member: Member, state: MemberState, **more: Any) -> RestoredMember:
        timestamp = self._found.fact.members[member.role].timestamp
        return RestoredMember(family=member.family, target=member.name, timestamp=timestamp, state=state, **more)

    def _ask(self, member: Member, *, dry_run: bool) -> Any:
        options = (self._request.options or {}).get(member.role, {})
        named = {
            "backup_path": self._found.location.relative_path,
            "timestamp": self._found.fact.members[member.role].timestamp,
        }
        return self._members.restore(member, named, options, self._request.rename_suffix, dry_run=dry_run)

    def _expect_in_set(self, member: Member) -> None:
        fact = self._found.fact.members.get(member.role)
        if fact is None or fact.family != member.family:
            text = say("stack_set_lacks_member", role=member.role)
            raise InvalidParams(text, details={"field": "members", "member": member.role})

    def _named(self) -> NamedBackup:
        return NamedBackup(backup_path=self._found.location.relative_path, timestamp=self._found.fact.timestamp)

    def _said(self, failed: list[str]) -> str:
        if self._request.dry_run:
            return say("stack_restore_planned")
        return say("stack_restore_partial") if failed else say("stack_restored")


def verify_member(
    engine: Engine, held: ExitStack, found: StackSet, role: str, progress: Progress
) -> dict[str, ReadFile]:
    """Lock a member's set for as long as `held` lasts, and read it to its last byte; its files.

    Raises InvalidBackup, NotFound, which name the member.
    """
    fact = found.fact.members[role]
    try:
        one = held.enter_context(engine.catalog.locked_any(found.location, fact.timestamp))
        expect_meant(role, fact, one.manifest)
        return read_back.through(engine, one, progress)
    except ServiceError as error:
        raise of_member(error, role) from None
