"""Probes: does a search still find what it found?

A backup remembers some random embeddings with their exact ten nearest neighbours, and what share of those a search
through the vector index found. A restore runs the same searches again.

Ties may come in any order, and another server may round a distance differently: where the ids differ, neighbours of
the same distance are taken for the same.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from common.errors import ServiceError
from data_pipeline.postgres.reading.searches import Searches
from data_pipeline.sets.manifest import ColumnProbesFact, Distance, NeighbourFact, ProbeFact, ProbesFact

K = TypeVar("K")

RELATIVE, ABSOLUTE = 1e-5, 1e-6
"""What two servers' float32 sums over the same vectors may differ by."""

WHOLE: Mapping[str | None, str | None] = MappingProxyType({None: None})
"""The one collection, so to speak, of a table whose rows have none."""


@dataclass(frozen=True)
class Repeated:
    """What the probes found the second time: how many were run, how many of them found the same rows, and the recall
    of each, None without an index.

    `complete` is False where a search failed or the time was up.
    """

    count: int
    same: int
    shares: tuple[float | None, ...]
    complete: bool

    @property
    def recall(self) -> float | None:
        return _mean(self.shares)


UNDONE = Repeated(0, 0, (), complete=False)
"""Of searches that can't be run again at all."""


def take(searches: Searches, collections: Sequence[Mapping[str, Any]], count: int) -> tuple[ProbesFact, bool]:
    """Take up to `count` probes, spread over the collections (a manifest's facts).

    A search that fails, or comes to the end of the time, is no failure of the backup: then the probes are those there
    are by then, and the second value is False.
    """
    return _taken(searches, _spread({str(fact["uuid"]): int(fact["rows"]) for fact in collections}, count))


def take_columns(rows: Mapping[Searches, int], count: int) -> tuple[list[ColumnProbesFact], bool]:
    """The same, spread over columns of any tables, which have so many rows; those without a probe are left out."""
    found: list[ColumnProbesFact] = []
    complete = True
    for searches, quota in _spread(rows, count).items():
        fact, whole = _taken(searches, {None: quota})
        complete = complete and whole
        if fact.rows:
            found.append(ColumnProbesFact(table=searches.table.name, column=searches.column.name, **dict(fact)))
    return found, complete


def repeat(
    searches: Searches,
    probes: ProbesFact,
    collections: Mapping[str | None, str | None],
    renamed: Mapping[str, str],
) -> Repeated:
    """Run a backup's probes again.

    collections: the uuids, then and now, of those that were restored; WHOLE for a table without any. renamed: rows'
    ids, then and now, if they differ.
    """
    found: list[tuple[bool, float | None]] = []
    complete = True
    try:
        for probe in probes.rows:
            if probe.collection in collections:
                found.append(_repeat(searches, probe, collections[probe.collection], renamed))
    except ServiceError:
        complete = False
    return Repeated(len(found), sum(same for same, _ in found), tuple(share for _, share in found), complete)


def together(found: Sequence[Repeated]) -> Repeated:
    """The same of several columns."""
    return Repeated(
        sum(one.count for one in found),
        sum(one.same for one in found),
        tuple(share for one in found for share in one.shares),
        all(one.complete for one in found),
    )


def recall(facts: Sequence[ProbesFact]) -> float | None:
    """That of the probes of several columns, None without an index."""
    return _mean([probe.recall for fact in facts for probe in fact.rows])


def distance(facts: Sequence[ProbesFact]) -> Distance | None:
    """That which the searches of several columns go by; None where it is not the same."""
    found = {fact.distance for fact in facts}
    return found.pop() if len(found) == 1 else None


def _taken(searches: Searches, quotas: Mapping[Any, int]) -> tuple[ProbesFact, bool]:
    """quotas: how many to take, by collection."""
    found: list[ProbeFact] = []
    complete = True
    try:
        for collection, quota in quotas.items():
            for key, embedding in searches.some(collection, quota):
                found += _probe(searches, collection, key, embedding)
    except ServiceError:
        complete = False
    recall = _mean([one.recall for one in found])
    return ProbesFact(distance=searches.distance, recall=recall, rows=found), complete


def _probe(searches: Searches, collection: str | None, key: str, embedding: str) -> list[ProbeFact]:
    """One probe; none for a row without neighbours."""
    exact = searches.exact(collection, key, embedding)
    if not exact:
        return []
    share = _share(exact, searches.by_index(collection, key, embedding))
    return [ProbeFact(collection=collection, id=key, embedding=embedding, neighbours=exact, recall=share)]


def _repeat(
    searches: Searches, probe: ProbeFact, collection: str | None, renamed: Mapping[str, str]
) -> tuple[bool, float | None]:
    key = renamed.get(probe.id, probe.id)
    exact = searches.exact(collection, key, probe.embedding)
    share = _share(exact, searches.by_index(collection, key, probe.embedding))
    then = [NeighbourFact(id=renamed.get(one.id, one.id), distance=one.distance) for one in probe.neighbours]
    return _same(then, exact), share


def _spread(rows: Mapping[K, int], count: int) -> dict[K, int]:
    """How many rows to take from each: one each in turn, the one with the most rows first."""
    left = dict(sorted(rows.items(), key=lambda item: -item[1]))
    quotas: dict[K, int] = {}
    for _ in range(count):
        able = [one for one, there in left.items() if there > quotas.get(one, 0)]
        if not able:
            break
        fewest = min(able, key=lambda one: quotas.get(one, 0))
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
