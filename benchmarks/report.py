"""The results as text for the terminal and as JSON."""

import os
import platform
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from benchmarks.contests import MemoryUse, Results
from benchmarks.gates import Gate
from benchmarks.race import Race
from tools import s3_server

MEGABYTE = 1 << 20


def as_text(results: Results, gates: list[Gate]) -> str:
    """Tables of times, of memory, and of gates."""
    lines = [line for race in results.races.values() for line in _race(race)]
    if "bucket_backup" not in results.races:
        lines.append(f"\nNo figures of buckets: {s3_server.MISSING}.")
    return "\n".join([*lines, *_memory(results.memory), *_gates(gates, results.sizes.judged)])


def as_json(results: Results, gates: list[Gate], versions: dict[str, str]) -> dict[str, Any]:
    """Everything measured, as plain values: seconds, bytes, and a gate's value in its unit."""
    return {
        "measured_at": datetime.now().astimezone().isoformat(timespec="seconds"),
        "machine": {"system": platform.system(), "architecture": platform.machine(), "cores": os.cpu_count()},
        "versions": {"python": platform.python_version(), **versions},
        "sizes": asdict(results.sizes),
        "races": {key: _race_facts(race) for key, race in results.races.items()},
        "memory": [asdict(use) for use in results.memory],
        "judged": results.sizes.judged,
        "gates": [{**asdict(gate), "gate_met": gate.gate_met, "goal_met": gate.goal_met} for gate in gates],
    }


def _race_facts(race: Race) -> dict[str, Any]:
    return {
        "title": race.title,
        "times": [{"name": one.name, "median": one.median, "seconds": one.seconds} for one in race.times],
    }


def _race(race: Race) -> Iterator[str]:
    fastest = min(times.median for times in race.times)
    yield f"\n{race.title:<64}{'median':>10}{'fastest':>10}{'slowest':>10}{'ratio':>8}"
    for times in race.times:
        numbers = (times.median, min(times.seconds), max(times.seconds))
        columns = "".join(f"{_time(number):>10}" for number in numbers)
        yield f"  {times.name:<62}{columns}{times.median / fastest:>8.1f}"


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _memory(uses: list[MemoryUse]) -> Iterator[str]:
    yield f"\n{'Peak memory, service and workers (PSS)':<44}{'backup':>10}{'restore':>10}"
    for use in uses:
        label = f"{use.file_bytes / 1e6:,.0f} MB of CSV, {use.rows:,} rows, {use.storage}"
        yield f"  {label:<42}{use.backup / MEGABYTE:>7.0f} MB{use.restore / MEGABYTE:>7.0f} MB"


def _gates(gates: list[Gate], judged: bool) -> Iterator[str]:
    yield f"\n{'Gates and goals':<68}{'value':>9}{'quartile':>9}{'gate':>8}{'goal':>15}"
    for gate in gates:
        limits = _limit(gate, gate.gate, gate.gate_met) + _limit(gate, gate.goal, gate.goal_met)
        yield f"  {gate.title:<66}{gate.value:>6.2f} {gate.unit:<2}{gate.better:>9.2f}{limits}"
    if not judged:
        yield "  Not judged: the sizes are not the defaults."


def _limit(gate: Gate, limit: float, met: bool) -> str:
    sign = "≥" if gate.at_least else "≤"
    return f"{f'{sign} {limit:.4g}':>8} {'met' if met else 'MISSED':<6}"
