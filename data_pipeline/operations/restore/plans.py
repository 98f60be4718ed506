"""For each way to restore, what it reads, needs and does: the counterpart of modes, for a dry run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from data_pipeline.layouts.base import Layout
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.postgres.writing import conflicts, references
from data_pipeline.postgres.writing.conflicts import Meeting
from data_pipeline.postgres.writing.references import Going
from data_pipeline.postgres.writing.staging import Staged

Leaving = Mapping[str, Callable[[Staged], Going]]
"""By table, which live rows go, or lose what others refer to them by."""


@dataclass(frozen=True)
class Plan:
    """What a mode does.

    reads: tables it loads. privileges: it needs on the tables it writes. meeting: its rows and the live ones.
    removes: live rows in scope go. pairs: rows are told apart by key, and only those that differ are written.
    leaving: live rows that others may refer to. rebuilds: indexes are dropped and built again, and readers wait.
    adds: embeddings may refer to live collections.
    """

    reads: Sequence[str]
    privileges: frozenset[str]
    meeting: Meeting
    empties: bool = False
    pairs: bool = False
    rebuilds: bool = False
    adds: bool = False
    writers_wait: bool = True
    leaving: Leaving = field(default_factory=dict)


def of(options: RestoreRequest, layout: Layout) -> Plan:
    """That of the mode that was asked for."""
    chosen = options.tables
    equalled: Leaving = dict.fromkeys(layout.names, references.equalled)
    updated: Leaving = dict.fromkeys(layout.names, references.updated)
    if options.collection_suffix is not None:
        return Plan(layout.names, _needs("INSERT"), conflicts.ADDED, writers_wait=False)
    if options.on_conflict == "skip":
        return Plan(layout.names, _needs("INSERT"), conflicts.SKIPPED, pairs=True, adds=True)
    if options.on_conflict == "update":
        return Plan(layout.names, _needs("INSERT", "UPDATE"), conflicts.UPDATED, pairs=True, adds=True, leaving=updated)
    if options.truncate and options.collections is None:
        return Plan(chosen, _needs("INSERT", "TRUNCATE"), conflicts.REPLACED, empties=True, rebuilds=True)
    if options.truncate:
        needed = _needs("INSERT", "UPDATE", "DELETE")
        emptied: Leaving = {**equalled, layout.owned.member: lambda one: references.emptied(one.live, one.scope)}
        return Plan(chosen, needed, conflicts.WITHIN_SCOPE, empties=True, adds=True, leaving=emptied)
    if options.strategy == "sync":
        return Plan(chosen, _needs("INSERT", "UPDATE", "DELETE"), conflicts.WITHIN_SCOPE, pairs=True, leaving=equalled)
    return Plan(chosen, _needs("INSERT"), conflicts.ADDED, adds=True, writers_wait=False)


def _needs(*privileges: str) -> frozenset[str]:
    return frozenset({"SELECT", *privileges})
