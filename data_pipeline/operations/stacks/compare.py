"""A stack's set compared with what its members hold now: by each store's own comparison."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from common.errors import InvalidParams, ServiceError
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.milvus.compare import MilvusComparison
from data_pipeline.operations.milvus.requests import MilvusCompareRequest
from data_pipeline.operations.neo4j.compare import Neo4jComparison
from data_pipeline.operations.neo4j.requests import Neo4jCompareRequest
from data_pipeline.operations.objects.operation import ObjectsRestoreOperation
from data_pipeline.operations.objects.requests import ObjectsRestoreRequest
from data_pipeline.operations.redis.compare import RedisComparison
from data_pipeline.operations.redis.requests import RedisCompareRequest
from data_pipeline.operations.results.result import NamedBackup, Result, StoreTarget
from data_pipeline.operations.stacks.members import Member, Members, of_member
from data_pipeline.operations.stacks.results import ComparedMember, StackCompared
from data_pipeline.sets.stack_set import StackSet, StackSets
from data_pipeline.storage import location

Named = Mapping[str, str]


def _milvus(engine: Engine, named: Named, target: str) -> tuple[bool, Result]:
    found = MilvusComparison(engine).compare(MilvusCompareRequest.read({"set": dict(named), "target": target}))
    return found.identical, found


def _neo4j(engine: Engine, named: Named, target: str) -> tuple[bool, Result]:
    found = Neo4jComparison(engine).compare(Neo4jCompareRequest.read({"set": dict(named), "target": target}))
    return found.identical, found


def _redis(engine: Engine, named: Named, target: str) -> tuple[bool, Result]:
    found = RedisComparison(engine).compare(RedisCompareRequest.read({"set": dict(named), "target": target}))
    return found.identical, found


def _objects(engine: Engine, named: Named, target: str) -> tuple[bool, Result]:
    """What would be done to make the bucket equal to the set."""
    asked = {"set": dict(named), "target": target, "mode": "mirror", "dry_run": True}
    found = ObjectsRestoreOperation(engine).run(ObjectsRestoreRequest.read(asked))
    counts = found.objects
    return not (counts.added or counts.replaced or counts.removed), found


COMPARED: Mapping[str, Callable[[Engine, Named, str], tuple[bool, Result]]] = {
    "objects": _objects,
    "milvus": _milvus,
    "neo4j": _neo4j,
    "redis": _redis,
}
"""By family; a whole database is an archive of pg_dump, which can't be compared with live tables."""


class StackComparison:
    """Changes nothing. Every method raises ServiceError, which names the member."""

    def __init__(self, engine: Engine, members: Members) -> None:
        self._engine = engine
        self._members = members
        self._sets = StackSets(engine.storages)

    def compare(self, stack: str, named: NamedBackup, roles: Sequence[str] | None = None) -> StackCompared:
        started = time.monotonic()
        target = self._members.stack(stack, roles)
        found = self._sets.find(location.parse(named.backup_path), stack, named.timestamp)
        compared = {member.role: self._compared(found, member) for member in target.members}
        left = [role for role, one in compared.items() if one.identical is None]
        identical = {one.identical for one in compared.values()} in ({True}, {True, None})
        return StackCompared(
            response=say("stack_compared_same") if identical else say("stack_compared_different"),
            stack=stack,
            set=named,
            identical=identical,
            members=compared,
            warnings=[say("of_member", role=role, text=say("stack_member_not_compared")) for role in left],
            target=StoreTarget(**target.public()),
            duration=round(time.monotonic() - started, 3),
        )

    def _compared(self, found: StackSet, member: Member) -> ComparedMember:
        fact = found.fact.members.get(member.role)
        if fact is None or fact.family != member.family:
            text = say("stack_set_lacks_member", role=member.role)
            raise InvalidParams(text, details={"field": "members", "member": member.role})
        identical: bool | None = None
        answer: dict[str, Any] | None = None
        if compare := COMPARED.get(member.family):
            named = {"backup_path": found.location.relative_path, "timestamp": fact.timestamp}
            try:
                identical, result = compare(self._engine, named, member.name)
            except ServiceError as error:
                raise of_member(error, member.role) from None
            answer = result.data()
        return ComparedMember(
            family=member.family, target=member.name, timestamp=fact.timestamp, identical=identical, answer=answer
        )
