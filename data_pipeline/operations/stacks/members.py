"""The members of a stack: what each is, and how its own operations are asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.errors import InvalidParams, NotFound, ServiceError
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.requests.request import OperationRequest
from data_pipeline.operations.target import AnyTarget
from data_pipeline.postgres.target import digest_of
from data_pipeline.stores import registry

DATABASE = "database"


@dataclass(frozen=True)
class Way:
    """How a family's restore makes a store equal to a set, and how it restores beside the original, if it can."""

    whole: Mapping[str, Any]
    beside: Callable[[str], Mapping[str, Any]] | None = None


WAYS: Mapping[str, Way] = {
    DATABASE: Way({"mode": "clean"}, lambda suffix: {"mode": "new_database"}),
    "objects": Way({"mode": "mirror"}, lambda suffix: {"mode": "add", "to_prefix": f"{suffix}/"}),
    "milvus": Way({"swap": True, "drop_old": True}, lambda suffix: {"collection_suffix": suffix}),
    "neo4j": Way({"mode": "replace"}),
    "redis": Way({"mode": "replace"}),
}
"""In the order in which members are restored."""


@dataclass(frozen=True)
class Member:
    """One store of a stack."""

    role: str
    name: str
    family: str
    target: AnyTarget


@dataclass(frozen=True)
class StackTarget:
    """A stack as jobs and answers know it."""

    name: str
    members: Sequence[Member]
    source: str = "target"

    @property
    def digest(self) -> str:
        return digest_of(["stack", self.name])

    def public(self) -> dict[str, Any]:
        place = {"family": "stack", "scheme": "stack", "host": "", "port": None, "dbname": self.name}
        return {"name": self.name, **place, "user": None, "source": self.source}


class Members:
    """Those of the configured stacks. operations: of every kind there is."""

    def __init__(self, engine: Engine, operations: Mapping[str, Operation[Any]]) -> None:
        self._engine = engine
        self._operations = operations

    def stack(self, name: str, roles: Sequence[str] | None = None) -> StackTarget:
        """A stack's members, or some of them, in the order of a restore.

        Raises NotFound for an unknown stack, InvalidParams for a member that it hasn't, or that no store is for.
        """
        known = self.roles(name)
        unknown = [role for role in roles or () if role not in known]
        if unknown:
            text = say("stack_member_unknown", role=unknown[0], members=tuple(known))
            raise InvalidParams(text, details={"field": "members"})
        found = [self.member(role, known[role]) for role in (roles or known)]
        for one in found:
            self._expect_supported(one)
        return StackTarget(name, sorted(found, key=lambda one: list(WAYS).index(one.family)))

    def roles(self, name: str) -> Mapping[str, str]:
        """The target's name of each member. Raises NotFound."""
        stacks = self._engine.settings.stacks.named
        if name not in stacks:
            raise NotFound(say("stack_unknown", stacks=tuple(stacks) or "–"))
        return stacks[name]

    def member(self, role: str, target: str) -> Member:
        """Raises InvalidParams for a target that isn't configured."""
        if store := self._engine.stores.find(target):
            return Member(role, target, store.family, store)
        return Member(role, target, DATABASE, self._engine.databases.named(target))

    def supports(self, family: str) -> bool:
        return family in WAYS and f"{family}_backup" in self._operations and family in registry.known()

    def probe(self, member: Member) -> str:
        """Its server's version. Raises ServiceError, which names the member."""
        try:
            return str(registry.of(member.family).probe(member.target).get("server_version", ""))
        except ServiceError as error:
            raise of_member(error, member.role) from None

    def backup(self, member: Member, storages: Sequence[str], options: Mapping[str, Any]) -> OperationRequest:
        """What its own backup is asked. Raises InvalidParams, MissingParams."""
        body = {"target": member.name, "storages": list(storages)}
        return self._read(member, "backup", body, options)

    def as_before(self, member: Member, consistency: str) -> Mapping[str, Any]:
        """Options of a backup that is of the same consistency, where that can be asked for."""
        fields = self._operation(member, "backup").request.model_fields
        return {"consistency": consistency} if "consistency" in fields else {}

    def restore(
        self,
        member: Member,
        named_set: Mapping[str, str],
        options: Mapping[str, Any],
        suffix: str | None,
        *,
        dry_run: bool,
    ) -> OperationRequest | None:
        """What its own restore is asked; None for a rehearsal of one that has none: then it is only verified."""
        body = {"set": dict(named_set), "target": member.name, **self._how(member, suffix)}
        if dry_run:
            if "dry_run" not in self._operation(member, "restore").request.model_fields:
                return None
            body["dry_run"] = True
        return self._read(member, "restore", body, options)

    @staticmethod
    def _how(member: Member, suffix: str | None) -> Mapping[str, Any]:
        way = WAYS[member.family]
        if suffix is None:
            return way.whole
        if way.beside is None:
            text = say("stack_member_not_beside", role=member.role, family=member.family)
            raise InvalidParams(text, details={"field": "rename_suffix", "member": member.role})
        return way.beside(suffix)

    def run(self, member: Member, request: OperationRequest, progress: Any) -> Any:
        """Do what was asked; its result. Raises ServiceError, which names the member, and Cancelled."""
        operation = self._operations[request.kind]
        try:
            operation.expect_possible(request)
            return operation.run(request, progress)
        except ServiceError as error:
            raise of_member(error, member.role) from None

    def expect_possible(self, member: Member, request: OperationRequest) -> None:
        try:
            self._operations[request.kind].expect_possible(request)
        except ServiceError as error:
            raise of_member(error, member.role) from None

    def expect_free(self, member: Member, request: OperationRequest) -> None:
        try:
            self._operations[request.kind].expect_free(request)
        except ServiceError as error:
            raise of_member(error, member.role) from None

    def _read(self, member: Member, what: str, body: Mapping[str, Any], options: Mapping[str, Any]) -> OperationRequest:
        operation = self._operation(member, what)
        clash = sorted({"set", "target", "storages", "async", "dry_run"} & options.keys())
        try:
            if clash:
                text = say("param_invalid", field=f"options.{member.role}.{clash[0]}", reason=say("value_extra"))
                raise InvalidParams(text, details={"field": "options"})
            found: OperationRequest = operation.request.read({**body, **options})
        except ServiceError as error:
            raise of_member(error, member.role) from None
        return found

    def _operation(self, member: Member, what: str) -> Operation[Any]:
        return self._operations[f"{member.family}_{what}"]

    def _expect_supported(self, member: Member) -> None:
        if not self.supports(member.family):
            text = say("stack_member_unsupported", role=member.role, family=member.family)
            raise InvalidParams(text, details={"field": "members", "member": member.role, "family": member.family})


def of_member(error: ServiceError, role: str) -> ServiceError:
    """The same error, which says of which member it is."""
    error.data["member"] = role
    return error
