"""One figure of a run: what was tried, how often, what must never happen, and how often it did."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

LISTED_FAULTS = 20


@dataclass
class Figure:
    """What one scenario found.

    wanted: how many trials of each kind this run is to make. done: how many it made. faults: one line for each time
    that `never` happened, precise enough to be tried again. notes: what else is worth a number.
    """

    title: str
    never: str
    wanted: dict[str, int]
    done: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def did(self, kind: str, times: int = 1) -> None:
        self.done[kind] += times

    def note(self, what: str, times: int = 1) -> None:
        self.notes[what] += times

    def fault(self, text: str) -> None:
        self.faults.append(text)

    def missing(self, kind: str) -> bool:
        """Whether trials of this kind are still to be made."""
        return self.done[kind] < self.wanted[kind]

    @property
    def complete(self) -> bool:
        return not any(map(self.missing, self.wanted))

    def good(self, full: bool) -> bool:
        """Nothing went wrong and, in a full run, nothing was left out; a share has tried every kind at least once."""
        tried = self.complete if full else all(self.done[kind] for kind in self.wanted)
        return tried and not self.faults

    def line(self, full: bool) -> str:
        """The figure in one line."""
        counts = ", ".join(f"{self.done[kind]:,} of {wanted:,} {kind}" for kind, wanted in self.wanted.items())
        notes = ", ".join(f"{what} {times:,}" for what, times in sorted(self.notes.items()))
        verdict = "ok" if self.good(full) else "OFF"
        return (
            f"{verdict:3}  {self.title}: {counts}; {self.never}: {len(self.faults):,}"
            f"{f' ({notes})' if notes else ''} [{self.seconds:.0f} s]"
        )

    def details(self) -> list[str]:
        """The first faults, a line each."""
        hidden = len(self.faults) - LISTED_FAULTS
        more = [f"… and {hidden:,} more"] if hidden > 0 else []
        return [f"     {text}" for text in self.faults[:LISTED_FAULTS] + more]

    def as_json(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "never": self.never,
            "wanted": self.wanted,
            "done": {kind: self.done[kind] for kind in self.wanted},
            "faults": len(self.faults),
            "notes": dict(sorted(self.notes.items())),
            "seconds": round(self.seconds, 1),
        }
