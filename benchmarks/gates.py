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
    ("bucket_restore", "restore CSV: disk / S3 server", contests.OURS_CSV, contests.BUCKET_CSV, 0.8, 0.95),
    ("bucket_restore", "restore binary: disk / S3 server", contests.OURS_BINARY, contests.BUCKET_BINARY, 0.8, 0.95),
]
"""Race, title, peer, ours, gate, goal: how many times as long the peer takes."""

INTO_BUCKETS = [
    ("CSV", contests.OURS_CSV, contests.BARE_CSV, contests.BUCKET_CSV),
    ("binary", contests.OURS_BINARY, contests.BARE_BINARY, contests.BUCKET_BINARY),
]
"""A backup to the disk, an upload of its files alone, and a backup to the S3 server.

The server has these two cores as well, and hashes each byte twice: both cores are busy with a backup to the disk and an
upload, so no backup to it can be much faster than the two one after the other.
"""

NEAR = [("binary", contests.OURS_BINARY, 1.4, 1.15), ("CSV", contests.OURS_CSV, 2.0, 1.5)]
"""How many times as long as the limit a reload may take, of each shape."""

AHEAD = {"CSV": (1.6, 2.2), "binary": (1.9, 2.8)}
"""How many times as long psql has to take, of the shape where it is least.

Where psql itself takes hardly longer than the limit, no program can be so far ahead of it: then as far as one that is
as near to the limit as NEAR's goal is.
"""


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
    ahead = [_ahead(races, name, ours, goal) for name, ours, _, goal in NEAR]
    faster = [
        _at_least(title, races[race].ratio(peer, ours), gate, goal)
        for race, title, peer, ours, gate, goal in FASTER + IN_BUCKETS
        if race in races
    ]
    if "bucket_backup" in races:
        faster += [_streamed(races["bucket_backup"], *names) for names in INTO_BUCKETS]
    peak = max(use.peak for use in results.memory) / (1 << 20)
    packed = races["packed"]
    small = Ratio.of([seconds * 1000 for seconds in races["small"].seconds(contests.OURS_CSV)])
    walk = races["list"].ratio(contests.OURS_LIST, contests.BARE_WALK)
    return [
        *near,
        *ahead,
        *faster,
        Gate("zstd, CSV: size / none", results.packed, results.packed, 0.5, 0.46, "x", False),
        _at_most("zstd, CSV: backup and reload, time / none", _both(packed), 1.3, 1.0),
        Gate("peak memory, service and workers", peak, peak, 256, 160, "MB", False),
        _at_most(f"{contests.SMALL_ROWS} rows restored over HTTP", small, 100, 40, "ms"),
        _at_most("list: ours / bare scandir + stat walk", walk, 6, 4),
    ]


def _both(packed: Race) -> Ratio:
    """Backup and reload together, compressed beside plain, round by round."""
    ways = (contests.BACKUP_ZSTD, contests.OURS_ZSTD), (contests.BACKUP_CSV, contests.OURS_CSV)
    zstd, plain = ([sum(pair) for pair in zip(*map(packed.seconds, way), strict=True)] for way in ways)
    return Ratio.of([mine / theirs for mine, theirs in zip(zstd, plain, strict=True)])


def _streamed(race: Race, name: str, disk: str, bare: str, ours: str) -> Gate:
    """A backup to the S3 server beside one to the disk and an upload after it, round by round."""
    beside = race.ratio(disk, ours).median
    both = [one + other for one, other in zip(race.seconds(disk), race.seconds(bare), strict=True)]
    ratio = Ratio.of([each / one for each, one in zip(both, race.seconds(ours), strict=True)])
    return _at_least(f"backup {name}: disk, then upload / S3 server (disk / S3 server {beside:.2f})", ratio, 1.0, 1.2)


def _ahead(races: dict[str, Race], name: str, ours: str, near: float) -> Gate:
    """psql beside ours in the worst shape. near: how near to the limit a program is to come."""
    race = min((races[shape.key] for shape in SHAPES), key=lambda race: race.ratio(contests.PSQL, ours).median)
    possible = race.ratio(contests.PSQL, contests.LIMIT).median
    gate, goal = AHEAD[name]
    title = f"reload {name}, worst shape: psql / ours (psql / limit {possible:.2f})"
    return _at_least(title, race.ratio(contests.PSQL, ours), min(gate, possible / near), min(goal, possible))


def _at_least(title: str, ratio: Ratio, gate: float, goal: float) -> Gate:
    return Gate(title, ratio.median, ratio.upper, gate, goal, "x", True)


def _at_most(title: str, ratio: Ratio, gate: float, goal: float, unit: str = "x") -> Gate:
    return Gate(title, ratio.median, ratio.lower, gate, goal, unit, False)
