"""One backup set: both tables, or some collections of them, as a transaction sees them."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from common.result import now
from common.sizes import format_size
from data_pipeline.vector import manifest, saver, server_identity, tables
from data_pipeline.vector.connection import Session
from data_pipeline.vector.naming import EMBEDDING, TABLES, FileFormat
from data_pipeline.vector.rows import LARGEST_FIELD
from data_pipeline.vector.scope import Scope
from data_pipeline.vector.storage import Draft
from data_pipeline.vector.tables import Table
from data_pipeline.version import VERSION

Probe = Callable[[Session, Table, Sequence[Mapping[str, Any]]], dict[str, Any] | None]


@dataclass(frozen=True)
class Saved:
    """A table's file: what a manifest says of it, the bytes of its largest row, and the seconds it took."""

    fact: dict[str, Any]
    largest_row: int
    duration: float

    @property
    def restorable(self) -> bool:
        return self.largest_row <= LARGEST_FIELD

    def describe(self) -> dict[str, Any]:
        """As an answer shows it."""
        return {
            "success": True,
            "row_count": self.fact["rows"],
            "file_size": format_size(self.fact["bytes"]),
            "file_bytes": self.fact["bytes"],
            "backup_file": self.fact["file"],
            "duration": round(self.duration, 3),
        }


def save(
    session: Session,
    live: dict[str, Table],
    scope: Scope,
    draft: Draft,
    file_format: FileFormat,
    companions: Sequence[Session] = (),
    probe: Probe | None = None,
    *,
    last: bool = False,
    precaution: bool = False,
) -> dict[str, Saved]:
    """Write both tables into the draft and publish it.

    The transaction's locks, or its snapshot, keep the rows still meanwhile. companions: sessions in the same snapshot,
    to read along. probe: takes the searches to remember. last: nothing follows, so from publishing on it can't be
    cancelled. Raises Cancelled before that. precaution: a restore that is about to change the rows takes it first.
    """
    readers = [session, *companions]
    saved = {name: _save(readers, live[name], scope, draft, file_format) for name in TABLES}
    session.enter("check")
    document = _describe(session, live, scope, draft, saved)
    if precaution:
        document["precaution"] = True
    if probe:
        document["probes"] = probe(session, live[EMBEDDING], document["collections"])
    described = manifest.dump(document)
    if last:
        session.progress.settle()
    else:
        session.progress.expect_wanted()
    draft.publish(described)
    return saved


def _describe(
    session: Session, live: dict[str, Table], scope: Scope, draft: Draft, saved: dict[str, Saved]
) -> dict[str, Any]:
    """What the manifest says of the set."""
    document: dict[str, Any] = {
        "timestamp": draft.timestamp,
        "created_at": now(),
        "tool_version": VERSION,
        **tables.versions(session.cursor),
        "server": server_identity.of(session),
        "tables": {name: one.fact for name, one in saved.items()},
        "collections": tables.collection_facts(session.cursor, live, scope),
    }
    if scope.names is not None:
        document["chosen_collections"] = list(scope.names)
    return document


def _save(readers: Sequence[Session], table: Table, scope: Scope, draft: Draft, file_format: FileFormat) -> Saved:
    started = time.monotonic()
    fact, largest_row = saver.save(readers, table, scope, draft, file_format)
    return Saved(fact, largest_row, time.monotonic() - started)


def seconds_from_now(timestamp_format: str) -> Iterator[str]:
    """This second, and each following one: a second that is taken makes way for the next free one."""
    moment = datetime.now()
    while True:
        yield moment.strftime(timestamp_format)
        moment += timedelta(seconds=1)
