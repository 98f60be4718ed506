"""Drills of sets that aren't of PostgreSQL tables: of those stores that have a server of our own to restore into."""

from collections.abc import Mapping
from typing import Protocol

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.database.drill import DatabaseDrill
from data_pipeline.operations.milvus.drill import MilvusDrill
from data_pipeline.operations.redis.drill import RedisDrill
from data_pipeline.operations.results.drill import Drilled
from data_pipeline.postgres.progress import Progress
from data_pipeline.sets.held_set import HeldSet


class StoreDrill(Protocol):
    """A drill of one set. Every method raises ServiceError."""

    def expect_possible(self) -> None:
        """Raise what is missing here."""

    def run(self, progress: Progress) -> Drilled:
        """Restore it, compare it, and say what was found."""


class MadeOf(Protocol):
    """What makes one."""

    def __call__(self, engine: Engine, held: HeldSet, /) -> StoreDrill: ...


DRILLS: Mapping[str, MadeOf] = {"database": DatabaseDrill, "milvus": MilvusDrill, "redis": RedisDrill}


def drill_of(engine: Engine, held: HeldSet) -> StoreDrill:
    """Raises InvalidParams for a store that has no such server."""
    if held.family not in DRILLS:
        raise InvalidParams(say("drill_not_of_store", layout=held.family), details={"layout": held.family})
    return DRILLS[held.family](engine, held)
