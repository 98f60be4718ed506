"""What was found when the whole of a set was read: told by a verification, and remembered for lists."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from data_pipeline.storage.location import Location

Found = Literal["verified", "readable", "damaged"]
"""verified: to the byte what its manifest promises; readable: every row can be parsed, and nothing vouches for it."""

SetName: TypeAlias = tuple[Location, str]
"""A set's location and timestamp."""


@dataclass(frozen=True)
class SetCheck:
    """The last check of a set. identity: of the set as it was then (ListedSet)."""

    found: Found
    at: datetime
    identity: str


KnownChecks = Callable[[Sequence[SetName]], Mapping[SetName, SetCheck] | None]
"""The last checks of some sets, as far as there were any; None where that can't be known now."""
