"""One backup set: all tables of a layout, or some owners' rows of them, as a transaction sees them."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from common.errors import InvalidBackup
from common.messages import say
from common.result import now
from common.sizes import format_size
from data_pipeline.engine import Engine
from data_pipeline.operations.results.backup import SavedTable
from data_pipeline.postgres import server_identity
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.reading import copy_out, owners
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.schema import obstacles
from data_pipeline.postgres.schema.tables import Live, Table
from data_pipeline.postgres.writing import restorability
from data_pipeline.sets import manifest, vouching
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.set_layout import layout_of
from data_pipeline.settings import Settings
from data_pipeline.storage.draft import Draft
from data_pipeline.storage.naming import Kind, manifest_name
from data_pipeline.version import VERSION

Probe = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Takes the searches to remember: what a manifest of which there is all else says of them."""


@dataclass(frozen=True)
class Saved:
    """A table's file: what a manifest says of it, and the seconds it took."""

    fact: dict[str, Any]
    duration: float

    def describe(self) -> SavedTable:
        """As an answer shows it."""
        return SavedTable(
            success=True,
            row_count=self.fact["rows"],
            file_size=format_size(self.fact["bytes"]),
            file_bytes=self.fact["bytes"],
            raw_bytes=self._raw_bytes,
            backup_file=self.fact["file"],
            duration=round(self.duration, 3),
        )

    @property
    def _raw_bytes(self) -> int | None:
        """What a compressed file decompresses to."""
        return sum(block["raw_bytes"] for block in self.fact["blocks"]) if "compression" in self.fact else None


@dataclass(frozen=True)
class Taken:
    """A set that was published.

    obstacles: what keeps it from coming back into its own tables. layout, database, server: as its manifest has them.
    with_vectors: the tables that have a vector column.
    """

    tables: dict[str, Saved]
    obstacles: list[str]
    layout: str
    database: str
    server: str
    with_vectors: tuple[str, ...]


def save(
    engine: Engine,
    session: Session,
    live: Live,
    scope: Scope,
    draft: Draft,
    kind: Kind,
    companions: Sequence[Session] = (),
    probe: Probe | None = None,
    *,
    last: bool = False,
    precaution: bool = False,
) -> Taken:
    """Write all tables into the draft and publish it.

    The transaction's locks, or its snapshot, keep the rows still meanwhile. companions: sessions in the same snapshot,
    to read along. probe: takes the searches to remember. last: nothing follows, so from publishing on it can't be
    cancelled. Raises Cancelled before that. Where something follows, rows go: then the set is read back before, and
    InvalidBackup or OrphanRows raised if it couldn't be restored. precaution: a restore that is about to change the
    rows takes it first.
    """
    readers = [session, *companions]
    saved = {name: _save(engine.settings, readers, live[name], scope, draft, kind) for name in live}
    session.enter("check")
    document = _describe(session, live, scope, draft, saved)
    found = obstacles.find(session, live, scope, rows_go=not last)
    if found:
        document["obstacles"] = found
    if precaution:
        document["precaution"] = True
    if probe:
        document |= probe(document)
    described = manifest.dump(document)
    if last:
        session.progress.settle()
    else:
        _expect_restorable(engine, session, live, draft, described, found)
        session.progress.expect_wanted()
    draft.publish(vouching.written(draft, described))
    with_vectors = tuple(table.name for table in live.values() if table.layout.vectors)
    return Taken(saved, found, document["layout"], document["database"], document["server"], with_vectors)


def _expect_restorable(
    engine: Engine, session: Session, live: Live, draft: Draft, described: bytes, found: list[str]
) -> None:
    """Raise what a restore of the draft into its own tables would."""
    if found:
        text = say("backup_nothing_changed", reason=found[0])
        raise InvalidBackup(text, can_retry=False, details={"reason": found[0], "obstacles": found})
    told = manifest.load_tables(described, manifest_name(draft.timestamp), draft.timestamp)
    files = {name: draft.file(fact.file) for name, fact in told.tables.items()}
    first = next(iter(live))
    kind = Kind(told.tables[first].format, told.tables[first].compression, draft.key is not None)
    location = files[first].location
    written = BackupSet(layout_of(told), location, draft.timestamp, kind, files, told, key=draft.key)
    restorability.expect_restorable(session, written, live, engine.pool)


def _describe(session: Session, live: Live, scope: Scope, draft: Draft, saved: dict[str, Saved]) -> dict[str, Any]:
    """What the manifest says of the set."""
    document: dict[str, Any] = {
        "timestamp": draft.timestamp,
        "created_at": now(),
        "tool_version": VERSION,
        **server_identity.versions(session.cursor),
        "server": server_identity.of(session),
        "layout": live.layout.family,
        "load_order": list(live),
        "tables": {name: {**one.fact, **_facts(live, name)} for name, one in saved.items()},
        "collections": owners.facts(session.cursor, live, scope),
    }
    if scope.values is not None:
        document["chosen_rows"] = {"column": scope.values.column, "values": list(scope.values.given)}
    if scope.names is not None:
        document["chosen_collections"] = list(scope.names)
    return document


def _facts(live: Live, name: str) -> dict[str, Any]:
    """What a table is to the others, and what tells its rows apart, as far as it has the columns for it."""
    table = live[name]
    references = [
        {"columns": list(one.columns), "table": one.table, "referenced_columns": list(one.referenced)}
        for one in table.layout.references
        if _has(table, one.columns) and _has(live[one.table], one.referenced)
    ]
    place = {"schema": table.schema} if table.layout.schema else {}
    return {**place, "key": list(table.layout.key) if _has(table, table.layout.key) else [], "references": references}


def _has(table: Table, columns: Sequence[str]) -> bool:
    return all(table.column(name) for name in columns)


def _save(
    settings: Settings, readers: Sequence[Session], table: Table, scope: Scope, draft: Draft, kind: Kind
) -> Saved:
    started = time.monotonic()
    level, largest_field = settings.packing.compression_level, settings.largest_field
    fact = copy_out.save(readers, table, scope, draft, kind, level, largest_field)
    return Saved(fact, time.monotonic() - started)


def seconds_from_now(timestamp_format: str) -> Iterator[str]:
    """This second, and each following one: a second that is taken makes way for the next free one."""
    moment = datetime.now()
    while True:
        yield moment.strftime(timestamp_format)
        moment += timedelta(seconds=1)
