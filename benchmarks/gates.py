"""What the measurements have to show: a gate, which must hold, and a goal, which is what we are after.

A figure is the median of the ratios of interleaved rounds. A gate is missed only where the quartile on its better side
misses it too: a busy machine alone doesn't.
"""

from dataclasses import dataclass

from benchmarks import contests
from benchmarks.contests import Results
from benchmarks.race import Race, Ratio
from benchmarks.shapes import LONG_VECTORS, SHAPES


@dataclass(frozen=True)
class Gate:
    """One measured value and its limits: at least these, or at most.

    better: the quartile of the measured values on the side that meets limits sooner.
    """

    title: str
    value: float
    better: float
    gate: float
    goal: float
    unit: str
    at_least: bool

    @property
    def gate_met(self) -> bool:
        return self._met(self.better, self.gate)

    @property
    def goal_met(self) -> bool:
        return self._met(self.value, self.goal)

    def _met(self, value: float, limit: float) -> bool:
        return value >= limit if self.at_least else value <= limit


FASTER = [
    ("hnsw", "replace with HNSW (binary): pg_restore / ours", contests.PG_RESTORE, contests.OURS_BINARY, 1.7, 2.0),
    ("hnsw", "the same, our index settings / ours", contests.PG_RESTORE_TUNED, contests.OURS_BINARY, 1.1, 1.3),
    ("hnsw", "swap with HNSW (binary): pg_restore / ours", contests.PG_RESTORE, contests.SWAP_BINARY, 2.0, 2.5),
    (LONG_VECTORS.key, "swap, no vector index: reload / ours", contests.OURS_BINARY, contests.SWAP_BINARY, 1.0, 1.3),
    ("hnsw", "sync after drift (binary): pg_restore / ours", contests.PG_RESTORE, contests.SYNC_BINARY, 8.0, 12.0),
    ("backup", "backup binary: psql \\copy to CSV / ours", contests.PSQL, contests.OURS_BINARY, 2.5, 3.5),
    ("backup", "backup CSV: psql \\copy to CSV / ours", contests.PSQL, contests.OURS_CSV, 0.9, 1.0),
    ("backup", "backup CSV: old exporter / ours", contests.EXPORTER, contests.OURS_CSV, 5.0, 6.0),
]
IN_BUCKETS = [
    ("bucket_backup", "backup CSV: disk / S3 server", contests.OURS_CSV, contests.BUCKET_CSV, 0.7, 0.9),
    ("bucket_backup", "backup binary: disk / S3 server", contests.OURS_BINARY, contests.BUCKET_BINARY, 0.7, 0.9),
    ("bucket_restore", "restore CSV: disk / S3 server", contests.OURS_CSV, contests.BUCKET_CSV, 0.8, 0.95),
    ("bucket_restore", "restore binary: disk / S3 server", contests.OURS_BINARY, contests.BUCKET_BINARY, 0.8, 0.95),
]
"""Race, title, peer, ours, gate, goal: how many times as long the peer takes."""

NEAR = [("binary", contests.OURS_BINARY, 1.4, 1.15), ("CSV", contests.OURS_CSV, 2.0, 1.5)]
"""How many times as long as the limit a reload may take, of each shape."""

AHEAD = [("CSV", contests.OURS_CSV, 1.6, 2.2), ("binary", contests.OURS_BINARY, 1.9, 2.8)]
"""How many times as long psql has to take, of the shape where it is least."""


def judge(results: Results) -> list[Gate]:
    """Every gate with its measured value."""
    races = results.races
    near = [
        _at_most(
            f"reload {name}, {shape.title}: ours / limit", races[shape.key].ratio(ours, contests.LIMIT), gate, goal
        )
        for name, ours, gate, goal in NEAR
        for shape in SHAPES
    ]
    ahead = [
        _at_least(f"reload {name}, worst shape: psql / ours", _worst(races, contests.PSQL, ours), gate, goal)
        for name, ours, gate, goal in AHEAD
    ]
    faster = [
        _at_least(title, races[race].ratio(peer, ours), gate, goal)
        for race, title, peer, ours, gate, goal in FASTER + IN_BUCKETS
        if race in races
    ]
    peak = max(use.peak for use in results.memory) / (1 << 20)
    small = Ratio.of([seconds * 1000 for seconds in races["small"].seconds(contests.OURS_CSV)])
    walk = races["list"].ratio(contests.OURS_LIST, contests.BARE_WALK)
    return [
        *near,
        *ahead,
        *faster,
        Gate("peak memory, service and workers", peak, peak, 256, 160, "MB", False),
        _at_most(f"{contests.SMALL_ROWS} rows restored over HTTP", small, 100, 40, "ms"),
        _at_most("list: ours / bare scandir + stat walk", walk, 6, 4),
    ]


def _to_limit(race: Race, ours: str) -> Ratio:
    return race.ratio(ours, contests.LIMIT)


def _worst(races: dict[str, Race], peer: str, ours: str) -> Ratio:
    return min((races[shape.key].ratio(peer, ours) for shape in SHAPES), key=lambda ratio: ratio.median)


def _at_least(title: str, ratio: Ratio, gate: float, goal: float) -> Gate:
    return Gate(title, ratio.median, ratio.upper, gate, goal, "x", True)


def _at_most(title: str, ratio: Ratio, gate: float, goal: float, unit: str = "x") -> Gate:
    return Gate(title, ratio.median, ratio.lower, gate, goal, unit, False)
