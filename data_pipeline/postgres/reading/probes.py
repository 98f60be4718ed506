"""Probes: does a search still find what it found?

A backup remembers some random embeddings with their exact ten nearest neighbours, and what share of those a search
through the vector index found. A restore runs the same searches again.

Ties may come in any order, and another server may round a distance differently: where the ids differ, neighbours of
the same distance are taken for the same.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.errors import ServiceError
from data_pipeline.postgres.reading.searches import Searches
from data_pipeline.sets.manifest import NeighbourFact, ProbeFact, ProbesFact

RELATIVE, ABSOLUTE = 1e-5, 1e-6
"""What two servers' float32 sums over the same vectors may differ by."""


@dataclass(frozen=True)
class Repeated:
    """What the probes found the second time: how many were run, how many of them found the same rows, and the recall.

    `complete` is False where a search failed or the time was up.
    """

    count: int
    same: int
    recall: float | None
    complete: bool


def take(searches: Searches, collections: Sequence[Mapping[str, Any]], count: int) -> tuple[ProbesFact, bool]:
    """Take up to `count` probes, spread over the collections (a manifest's facts).

    A search that fails, or comes to the end of the time, is no failure of the backup: then the probes are those there
    are by then, and the second value is False.
    """
    found: list[ProbeFact] = []
    complete = True
    try:
        for collection, quota in _spread(collections, count).items():
            for key, embedding in searches.some(collection, quota):
                found += _probe(searches, collection, key, embedding)
    except ServiceError:
        complete = False
    recall = _mean([one.recall for one in found])
    return ProbesFact(distance=searches.distance, recall=recall, rows=found), complete


def repeat(
    searches: Searches, probes: ProbesFact, collections: Mapping[str, str], renamed: Mapping[str, str]
) -> Repeated:
    """Run a backup's probes again.

    collections: the uuids, then and now, of those that were restored. renamed: rows' ids, then and now, if they differ.
    """
    found: list[tuple[bool, float | None]] = []
    complete = True
    try:
        for probe in probes.rows:
            if probe.collection in collections:
                found.append(_repeat(searches, probe, collections[probe.collection], renamed))
    except ServiceError:
        complete = False
    recall = _mean([share for _, share in found])
    return Repeated(len(found), sum(same for same, _ in found), recall, complete)


def _probe(searches: Searches, collection: str, key: str, embedding: str) -> list[ProbeFact]:
    """One probe; none for a row without neighbours."""
    exact = searches.exact(collection, key, embedding)
    if not exact:
        return []
    share = _share(exact, searches.by_index(collection, key, embedding))
    return [ProbeFact(collection=collection, id=key, embedding=embedding, neighbours=exact, recall=share)]


def _repeat(
    searches: Searches, probe: ProbeFact, collection: str, renamed: Mapping[str, str]
) -> tuple[bool, float | None]:
    key = renamed.get(probe.id, probe.id)
    exact = searches.exact(collection, key, probe.embedding)
    share = _share(exact, searches.by_index(collection, key, probe.embedding))
    then = [NeighbourFact(id=renamed.get(one.id, one.id), distance=one.distance) for one in probe.neighbours]
    return _same(then, exact), share


def _spread(collections: Sequence[Mapping[str, Any]], count: int) -> dict[str, int]:
    """How many rows to take from each collection: one each in turn, the largest first."""
    left = {str(fact["uuid"]): int(fact["rows"]) for fact in sorted(collections, key=lambda fact: -int(fact["rows"]))}
    quotas: dict[str, int] = {}
    for _ in range(count):
        able = [uuid for uuid, rows in left.items() if rows > quotas.get(uuid, 0)]
        if not able:
            break
        fewest = min(able, key=lambda uuid: quotas.get(uuid, 0))
        quotas[fewest] = quotas.get(fewest, 0) + 1
    return quotas


def _same(then: Sequence[NeighbourFact], now: Sequence[NeighbourFact]) -> bool:
    pairs = list(zip(then, now, strict=False))
    if len(then) != len(now) or not all(_close(one.distance, other.distance) for one, other in pairs):
        return False
    kept = {one.id for one in now}
    return all(one.id in kept or _close(one.distance, now[-1].distance) for one in then)


def _share(exact: Sequence[NeighbourFact], found: Sequence[NeighbourFact] | None) -> float | None:
    """recall@10: what share of the nearest was found; one that is as near as the last of them counts too."""
    if not exact or found is None:
        return None
    last = exact[-1].distance
    hits = sum(one.distance <= last or _close(one.distance, last) for one in found)
    return min(hits, len(exact)) / len(exact)


def _mean(shares: Sequence[float | None]) -> float | None:
    measured = [share for share in shares if share is not None]
    return round(sum(measured) / len(measured), 4) if measured else None


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
