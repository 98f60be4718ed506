"""A stack's set proven: each member's set by a drill of its own, in the history as any drill is."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from common.errors import ServiceError
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.backup_sets import GLOBAL
from data_pipeline.operations.drill.stores import DRILLS
from data_pipeline.operations.requests.drill import DrillRequest
from data_pipeline.operations.results.result import NamedBackup
from data_pipeline.operations.stacks.backup import expect_whole
from data_pipeline.operations.stacks.members import of_member
from data_pipeline.operations.stacks.results import DrilledMember, StackDrilled
from data_pipeline.operations.stacks.stack_manager import chosen
from data_pipeline.sets.stack_set import MemberFact, StackSet, StackSets
from data_pipeline.storage import location

Perform = Callable[[DrillRequest], Mapping[str, Any]]
"""Does what was asked; the data of its answer. Raises ServiceError."""


class StackDrill:
    """Every method raises ServiceError, which names the member."""

    def __init__(self, engine: Engine, perform: Perform) -> None:
        self._engine = engine
        self._perform = perform
        self._sets = StackSets(engine.storages)

    def run(self, stack: str, named: NamedBackup, roles: Sequence[str] | None = None) -> StackDrilled:
        started = time.monotonic()
        found = self._sets.find(location.parse(named.backup_path), stack, named.timestamp)
        members = chosen(found.fact, roles)
        expect_whole(self._engine, found.location, found.fact, roles)
        drilled = {role: self._drilled(found, role, fact) for role, fact in members.items()}
        proven = {one.proven for one in drilled.values()} in ({True}, {True, None})
        return StackDrilled(
            response=say("stack_drilled") if proven else say("stack_drilled_not_proven"),
            stack=stack,
            set=named,
            proven=proven,
            members=drilled,
            warnings=[
                say("of_member", role=role, text=say("drill_not_of_store", layout=one.family))
                for role, one in drilled.items()
                if one.proven is None
            ],
            duration=round(time.monotonic() - started, 3),
        )

    def _drilled(self, found: StackSet, role: str, fact: MemberFact) -> DrilledMember:
        proven: bool | None = None
        answer: dict[str, Any] | None = None
        if fact.family in DRILLS:
            request = {"location": GLOBAL, "timestamp": fact.timestamp, "storage": found.location.storage}
            try:
                answer = dict(self._perform(DrillRequest.read(request)))
            except ServiceError as error:
                raise of_member(error, role) from None
            proven = bool(answer["proven"])
        return DrilledMember(family=fact.family, timestamp=fact.timestamp, proven=proven, answer=answer)
