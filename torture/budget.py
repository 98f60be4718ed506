"""How much of the whole a run is to do, and until when."""

import math
import time
from dataclasses import dataclass

from torture.figure import Figure

FULL_MINUTES = 60.0
GRACE_SECONDS = 600.0
"""How far a scenario that has done nothing yet may go over its time: on a slow machine a share is mostly preparing."""


@dataclass(frozen=True)
class Budget:
    """What one scenario may spend. `fraction` is the part of the whole: 1 is a full run, 0.025 a share of 90 seconds.

    The deadline (time.monotonic) ends a scenario early where the machine is slow; its figure says how far it came.
    """

    fraction: float
    deadline: float

    @property
    def full(self) -> bool:
        return self.fraction >= 1

    def scaled(self, whole: int, least: int = 1) -> int:
        """This run's part of a count that is wanted of a full run."""
        return min(whole, max(least, math.ceil(whole * self.fraction)))

    def allows(self, figure: Figure, kind: str) -> bool:
        """Whether one more trial of this kind is wanted and there is time for it; for the first there is some more."""
        late = time.monotonic() - self.deadline
        return figure.missing(kind) and late < (0 if figure.done[kind] else GRACE_SECONDS)
