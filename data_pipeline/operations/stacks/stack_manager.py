"""StackManager: the stacks there are, and their sets listed, verified, handed out and removed."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from common.errors import InvalidBackup, InvalidParams, NotFound, ServiceError
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.results.backup_sets import ReadTable
from data_pipeline.operations.results.result import NamedBackup
from data_pipeline.operations.stacks import together
from data_pipeline.operations.stacks.backup import expect_whole
from data_pipeline.operations.stacks.members import Member, Members
from data_pipeline.operations.stacks.restore import verify_member
from data_pipeline.operations.stacks.results import (
    DeletedStackSet,
    ListedMember,
    ListedStack,
    ListedStackSet,
    MemberSet,
    StackList,
    StackSetList,
    StackVerified,
    VerifiedMember,
)
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.sets.stack_set import MemberFact, StackFact, StackSet, StackSets
from data_pipeline.storage import location, naming
from data_pipeline.storage.file import StoredFile
from data_pipeline.storage.location import MAIN_STORAGE, Location


def chosen(fact: StackFact, roles: Sequence[str] | None) -> dict[str, MemberFact]:
    """The members of a set, or those of them that are named. Raises InvalidParams."""
    unknown = [role for role in roles or () if role not in fact.members]
    if unknown:
        raise InvalidParams(say("stack_set_lacks_member", role=unknown[0]), details={"field": "members"})
    return {role: one for role, one in fact.members.items() if roles is None or role in roles}


class StackManager:
    """Every method raises ServiceError. operations: those of the members, by kind."""

    def __init__(self, engine: Engine, operations: Mapping[str, Operation[Any]]) -> None:
        self._engine = engine
        self._members = Members(engine, operations)
        self._sets = StackSets(engine.storages)

    def all(self) -> StackList:
        """Every stack, and whether its members are within reach."""
        stacks = [
            ListedStack(name=name, members=self._listed(members))
            for name, members in self._engine.settings.stacks.named.items()
        ]
        return StackList(response=say("stacks_listed", count=len(stacks)), stacks=stacks)

    def sets(self, stack: str, storage: str = MAIN_STORAGE) -> StackSetList:
        """The sets of a stack in a storage. Raises NotFound for an unknown stack."""
        self._members.roles(stack)
        where = self._place(storage)
        found: list[ListedStackSet] = []
        damaged: list[str] = []
        for _, timestamp in self._sets.timestamps(where, stack):
            try:
                found.append(self._shown(self._sets.find(where, stack, timestamp)))
            except InvalidBackup:
                damaged.append(timestamp)
            except NotFound:  # removed a moment ago
                continue
        return StackSetList(response=say("stack_sets_listed", count=len(found)), sets=found, damaged=damaged)

    def verify(
        self, stack: str, named: NamedBackup, members: Sequence[str] | None = None, progress: Progress = SILENT
    ) -> StackVerified:
        """Read every byte of every member's set, or of some. Raises InvalidBackup at the first that is wrong."""
        started = time.monotonic()
        found = self._sets.find(location.parse(named.backup_path), stack, named.timestamp)
        read: dict[str, VerifiedMember] = {}
        for role, fact in chosen(found.fact, members).items():
            with ExitStack() as held:
                files = verify_member(self._engine, held, found, role, progress)
            read[role] = VerifiedMember(timestamp=fact.timestamp, files=ReadTable.each(files))
        return StackVerified(
            response=say("stack_verified"),
            stack=stack,
            set=named,
            members=read,
            duration=round(time.monotonic() - started, 3),
        )

    @contextmanager
    def files(self, stack: str, timestamp: str, storage: str = MAIN_STORAGE) -> Iterator[list[StoredFile]]:
        """Every file of a stack's set, locked against deletion: its own, then each member's manifest and files."""
        found = self._sets.find(self._place(storage, timestamp), stack, timestamp)
        with ExitStack() as held:
            files = [found.file]
            for fact in found.fact.members.values():
                one = held.enter_context(self._engine.catalog.locked_any(found.location, fact.timestamp))
                files += [one.manifest_file] if one.manifest_file else []
                files += one.files.values()
            expect_whole(self._engine, found.location, found.fact)
            yield files

    def delete(self, stack: str, timestamp: str, storage: str = MAIN_STORAGE) -> DeletedStackSet:
        """Remove a stack's set, and the sets of its members that no other stack's set names."""
        found = self._sets.find(self._place(storage, timestamp), stack, timestamp)
        named = NamedBackup(backup_path=found.location.relative_path, timestamp=timestamp)
        return DeletedStackSet(response=say("set_deleted"), stack=stack, set=named, removed=self.remove(found))

    def remove(self, found: StackSet) -> list[str]:
        """The names of the files that are gone. Raises OperationInProgress while a member's set is read."""
        kept = self.named(found.location, besides=found)
        removed = [found.file.name]
        self._sets.delete(found)
        for fact in found.fact.members.values():
            if fact.timestamp not in kept:
                try:
                    removed += self._engine.catalog.delete(found.location, fact.timestamp)
                except NotFound:
                    continue
        return removed

    def named(self, where: Location, besides: StackSet | None = None) -> set[str]:
        """The timestamps of the sets that stacks' sets of a location name. besides: but for this one."""
        found: set[str] = set()
        for stack, timestamp in self._sets.timestamps(where):
            if besides is None or (stack, timestamp) != (besides.fact.name, besides.fact.timestamp):
                with suppress(ServiceError):
                    members = self._sets.find(where, stack, timestamp).fact.members.values()
                    found |= {one.timestamp for one in members}
        return found

    def _shown(self, found: StackSet) -> ListedStackSet:
        try:
            expect_whole(self._engine, found.location, found.fact)
            whole = True
        except (NotFound, InvalidBackup):
            whole = False
        fact = found.fact
        return ListedStackSet(
            backup_path=found.location.relative_path,
            timestamp=fact.timestamp,
            created_at=fact.created_at,
            precaution=fact.precaution,
            whole=whole,
            members={role: MemberSet.of(one) for role, one in fact.members.items()},
        )

    def _listed(self, members: Mapping[str, str]) -> dict[str, ListedMember]:
        shown: dict[str, ListedMember] = {}
        known: dict[str, Member] = {}
        for role, target in members.items():
            try:
                known[role] = self._members.member(role, target)
                supported = self._members.supports(known[role].family)
            except ServiceError as error:
                shown[role] = ListedMember(target=target, family=None, supported=False, error=error.response)
                continue
            shown[role] = ListedMember(target=target, family=known[role].family, supported=supported)
        asked = [member for role, member in known.items() if shown[role].supported]
        versions, away = together.each(asked, self._members.probe)
        for role, version in versions.items():
            shown[role] = shown[role].model_copy(update={"server_version": version})
        for role, why in away.items():
            if isinstance(why, ServiceError):
                shown[role] = shown[role].model_copy(update={"error": why.response})
        return {role: shown[role] for role in members}

    def _place(self, storage: str, timestamp: str | None = None) -> Location:
        if timestamp is not None:
            naming.check_timestamp(timestamp)
        self._engine.storages.check(storage)
        return self._engine.catalog.location(None, storage)
