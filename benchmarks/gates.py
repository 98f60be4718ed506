"""What the measurements have to show: a gate, which must hold, and a goal, which is what we are after."""

from dataclasses import dataclass

from benchmarks import contests
from benchmarks.contests import Results


@dataclass(frozen=True)
class Gate:
    """One measured value and its limits: at least these for a ratio to somebody else, or else less than these."""

    title: str
    value: float
    gate: float
    goal: float
    unit: str
    at_least: bool

    @property
    def gate_met(self) -> bool:
        return self._met(self.gate)

    @property
    def goal_met(self) -> bool:
        return self._met(self.goal)

    def _met(self, limit: float) -> bool:
        return self.value >= limit if self.at_least else self.value < limit


FASTER = [
    ("restore", "restore CSV: psql \\copy / ours", contests.PSQL, contests.OURS_CSV, 2.4, 3.0),
    ("restore", "restore binary: psql \\copy of the CSV / ours", contests.PSQL, contests.OURS_BINARY, 4.2, 5.0),
    ("hnsw", "replace with HNSW (binary): pg_restore / ours", contests.PG_RESTORE, contests.OURS_BINARY, 1.7, 2.0),
    ("hnsw", "the same, our index settings / ours", contests.PG_RESTORE_TUNED, contests.OURS_BINARY, 1.1, 1.3),
    ("hnsw", "replace with HNSW (CSV): plain COPY / ours", contests.PLAIN_COPY, contests.OURS_CSV, 6.0, 7.5),
    ("hnsw", "sync after drift (binary): pg_restore / ours", contests.PG_RESTORE, contests.SYNC_BINARY, 8.0, 12.0),
    ("backup", "backup binary: psql \\copy to CSV / ours", contests.PSQL, contests.OURS_BINARY, 2.5, 3.5),
    ("backup", "backup CSV: psql \\copy to CSV / ours", contests.PSQL, contests.OURS_CSV, 0.9, 1.0),
    ("backup", "backup CSV: old exporter / ours", contests.EXPORTER, contests.OURS_CSV, 5.0, 6.0),
    ("bucket_restore", "restore CSV: disk / S3 server", contests.OURS_CSV, contests.BUCKET_CSV, 0.7, 0.7),
    ("bucket_restore", "restore binary: disk / S3 server", contests.OURS_BINARY, contests.BUCKET_BINARY, 0.7, 0.7),
    ("bucket_backup", "backup CSV: disk / S3 server", contests.OURS_CSV, contests.BUCKET_CSV, 0.7, 0.7),
    ("bucket_backup", "backup CSV: bare upload / S3 server", contests.BARE_CSV, contests.BUCKET_CSV, 0.7, 1.0),
    ("bucket_backup", "backup binary: disk / S3 server", contests.OURS_BINARY, contests.BUCKET_BINARY, 0.7, 0.7),
    ("bucket_backup", "backup binary: bare upload / S3 server", contests.BARE_BINARY, contests.BUCKET_BINARY, 0.7, 1.0),
]
"""Race, title, peer, ours, gate, goal: how many times as long the peer takes.

The S3 server is written in Python and shares the cores. Uploading the finished files alone takes it longer than the
service takes for the whole backup to the disk: the gates for backups to it, against the disk, are what a server on
cores of its own allows, and missed here. Those against the bare upload say what the service adds.
"""


def judge(results: Results) -> list[Gate]:
    """Every gate with its measured value."""
    races = results.races
    ratios = [
        Gate(title, races[race].median(peer) / races[race].median(ours), gate, goal, "x", True)
        for race, title, peer, ours, gate, goal in FASTER
    ]
    peak = max(use.peak for use in results.memory) / (1 << 20)
    small = races["small"].median(contests.OURS_CSV) * 1000
    walk = races["list"].median(contests.OURS_LIST) / races["list"].median(contests.BARE_WALK)
    return [
        *ratios,
        Gate("peak memory, larger file, disk and S3 server", peak, 256, 160, "MB", False),
        Gate(f"{contests.SMALL_ROWS} rows restored over HTTP", small, 100, 40, "ms", False),
        Gate("list: ours / bare scandir + stat walk", walk, 3, 2, "x", False),
    ]
