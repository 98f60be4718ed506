"""BackupComparison: what differs between a backup and the live tables, or between two backups."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from psycopg2.sql import Composable

from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.layouts.base import Ownership
from data_pipeline.operations.requests.compare import CompareRequest, NamedSet
from data_pipeline.operations.restore.report import UNVOUCHED
from data_pipeline.operations.results import result as results
from data_pipeline.operations.results.compare import (
    Compared,
    ComparedCollection,
    ComparedRow,
    ComparedTable,
    Kind,
    Samples,
)
from data_pipeline.operations.target import told_of
from data_pipeline.postgres.comparing import diff, table_diff
from data_pipeline.postgres.comparing.diff import Difference, Name, Version
from data_pipeline.postgres.comparing.left_out import Leaving
from data_pipeline.postgres.connection import Session, transaction
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.retries import retrying
from data_pipeline.postgres.row_filter import EVERYTHING, Scope
from data_pipeline.postgres.schema import chosen_rows, ddl_types, tables
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.writing import conflicts, staging
from data_pipeline.postgres.writing.collections import absent
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.tables import described_tables, table_source
from data_pipeline.sets.tables.dialect import SetDialect, expect_open, rereading
from data_pipeline.storage import location
from data_pipeline.storage.naming import backup_date

Digests = Mapping[Name, Mapping[str, list[str]]]


@dataclass(frozen=True)
class Ground:
    """What both versions stand on: which tables, and their columns' types."""

    tables: Mapping[str, Table]
    ownership: Ownership | None
    types: dict[str, dict[str, Composable]]


@dataclass(frozen=True)
class Found:
    """What was compared: collections, or any tables."""

    collections: list[ComparedCollection]
    tables: list[ComparedTable] | None = None

    @property
    def identical(self) -> bool:
        own_rows = all(one.collection.kind == "same" for one in self.collections)
        return own_rows and not any(map(_differ, [*self.collections, *(self.tables or ())]))


class BackupComparison:
    """Compares backup sets. Every method raises ServiceError for what can be expected to go wrong."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def compare(self, request: CompareRequest, progress: Progress = SILENT) -> Compared:
        """Compare a set with another one, or with the live tables of the database.

        Two sets are compared in the database as well, which needs the space for both as temporary tables, and pgvector,
        but none of the live tables. Raises Cancelled once `progress` says so.
        """
        started = time.monotonic()
        target = self._engine.databases.resolve(request.pg_conn)
        with told_of(target), ExitStack() as stack:
            held = [stack.enter_context(self._hold(named, request)) for named in (request, request.other) if named]
            expect_open(request.dialect, held)
            progress.expect_bytes(sum(file.size for one in held for file in one.files.values()))
            dialects = [SetDialect(request.dialect) for _ in held]
            found, warnings = rereading(
                lambda: retrying(lambda: self._compare(target, held, dialects, request, progress)), progress
            )
        identical = found.identical
        return Compared(
            response=say("compared_identical") if identical else say("compared_different"),
            identical=identical,
            collections=found.collections,
            tables=found.tables,
            warnings=[*target.notes, *warnings],
            backup_info=_info(held[0]),
            other=_info(held[1]) if request.other else None,
            target=results.Target.of(target),
            duration=round(time.monotonic() - started, 3),
        )

    @contextmanager
    def _hold(self, named: NamedSet, request: CompareRequest) -> Iterator[BackupSet]:
        where = location.parse(named.backup_path)
        with self._engine.catalog.locked(where, named.timestamp, request.tables) as backup_set:
            request.expect_fitting(backup_set.layout)
            yield backup_set

    def _compare(
        self,
        target: Target,
        held: list[BackupSet],
        dialects: list[SetDialect],
        request: CompareRequest,
        progress: Progress,
    ) -> tuple[Found, list[str]]:
        with transaction(target, self._engine.timeouts, snapshot=True, progress=progress) as session:
            ground = self._of_two(session, held) if held[1:] else self._of_live(session, held[0])
            live = not held[1:]
            matched = [
                {
                    name: table_source.match(one, table, None, dialect, allow_lossy=live)
                    for name, table in ground.tables.items()
                }
                for one, dialect in zip(held, dialects, strict=True)
            ]
            scope = EVERYTHING if ground.ownership else _scope(session, ground, held, request)
            leaving = Leaving(session, ground.tables, ground.ownership, scope, self._engine.pool) if live else None
            versions = [
                diff.stage(session, ground.ownership, sources, ground.types, prefix, self._engine.pool, leaving)
                for sources, prefix in zip(matched, ("backup", "other"), strict=False)
            ]
            columns = {name: source.columns for name, source in matched[0].items()}
            if leaving:
                others = versions[0].others
                versions.append(Version(ground.ownership, ground.tables, types=others, left_out=leaving.found))
            if ground.ownership is None:
                found = Found([], _tables(session, versions, columns, ground, scope))
            else:
                diff.pair(session, versions[0], versions[1], columns[ground.ownership.member])
                owners = columns[ground.ownership.owner]
                found = Found(_describe(session, versions, owners, request.collections, _limits(held)))
        of_rows = [
            f"{one.timestamp}: {warning}"
            for one, version, dialect in zip(held, versions, dialects, strict=False)
            for warning in (*version.converted, *dialect.warnings())
        ]
        return found, _warnings(held, ground, columns) + of_rows

    def _of_live(self, session: Session, backup_set: BackupSet) -> Ground:
        """Lock first, look second: a snapshot older than the lock could miss what a TRUNCATE did."""
        layout = backup_set.layout
        tables.lock_there(session.cursor, session.schema, layout, "ACCESS SHARE")
        live = tables.inspect(session.cursor, session.schema, layout)
        return Ground(live, layout.ownership, diff.live_types(session.cursor, live))

    def _of_two(self, session: Session, held: list[BackupSet]) -> Ground:
        described = described_tables.common(*held)
        schema = ddl_types.extension_schema(session.cursor)
        types = {
            name: {column.name: ddl_types.column_type(column.type, -1, schema) for column in table.columns}
            for name, table in described.items()
        }
        return Ground(described, held[0].layout.ownership, types)


def _describe(
    session: Session,
    versions: Sequence[Version],
    columns: Sequence[str],
    chosen: Sequence[str] | None,
    limits: Sequence[Sequence[str]],
) -> list[ComparedCollection]:
    sides = [diff.owners(session.cursor, version, columns) for version in versions]
    differences = diff.differences(session.cursor, versions[1])
    told = {*sides[0], *sides[1], *differences}
    names = _chosen(chosen, {name for name in told if all(name in limit for limit in limits)})
    return [_entry(name, differences.get(name) or Difference.none(), sides[0], sides[1]) for name in names]


def _limits(held: Sequence[BackupSet]) -> list[Sequence[str]]:
    """A set of some collections says nothing about the others."""
    limits = [one.manifest.chosen_collections for one in held if one.manifest]
    return [limit for limit in limits if limit is not None]


def _chosen(chosen: Sequence[str] | None, names: set[Name]) -> list[Name]:
    """The requested names, or all; rows without one come last. Raises NotFound for names that no collection has."""
    ordered = sorted(names, key=lambda name: (name is None, name))
    if chosen is None:
        return ordered
    unknown = [name for name in chosen if name not in names]
    if unknown:
        raise absent(unknown, [name for name in ordered if name is not None])
    return [name for name in ordered if name in chosen]


def _entry(name: Name, difference: Difference, backup: Digests, other: Digests) -> ComparedCollection:
    here, there = backup.get(name), other.get(name)
    differing = [column for column in here if here[column] != there[column]] if here and there else []
    kind: Kind = "different" if differing else "same"  # or rows that have no collection on either side
    if bool(here) != bool(there):
        kind = "only_in_backup" if here else "only_in_other"
    return ComparedCollection(
        name=name,
        **difference.counts,
        samples=Samples(**difference.samples),
        collection=ComparedRow(kind=kind, columns=differing),
    )


def _differ(entry: ComparedCollection | ComparedTable) -> bool:
    return bool(entry.only_in_backup or entry.only_in_other or entry.different)


def _scope(session: Session, ground: Ground, held: Sequence[BackupSet], request: CompareRequest) -> Scope:
    """The rows that were asked for; a set of some rows says nothing about the others."""
    limits = [one.manifest.chosen_rows for one in held if one.manifest and one.manifest.chosen_rows]
    if request.where is not None:
        return chosen_rows.of(session.cursor, ground.tables.values(), request.where.column, request.where.texts)
    if limits:
        return chosen_rows.of(session.cursor, ground.tables.values(), limits[0].column, limits[0].values)
    return EVERYTHING


def _tables(
    session: Session,
    versions: Sequence[Version],
    columns: Mapping[str, list[str]],
    ground: Ground,
    scope: Scope,
) -> list[ComparedTable]:
    """Raises SchemaMismatch for a table whose rows nothing tells apart."""
    keys = {}
    for name, table in ground.tables.items():
        conflicts.expect_key(session.cursor, table)
        keys[name] = staging.key(session.cursor, table).columns
    table_diff.pair(session, versions[0], versions[1], columns, keys, scope)
    found = diff.differences(session.cursor, versions[1])
    each = {name: found.get(name) or Difference.none() for name in columns}
    return [ComparedTable(name=name, **one.counts, samples=Samples(**one.samples)) for name, one in each.items()]


def _info(backup_set: BackupSet) -> results.BackupInfo:
    return results.BackupInfo(
        backup_path=backup_set.location.relative_path,
        timestamp=backup_set.timestamp,
        backup_date=backup_date(backup_set.timestamp),
    )


def _warnings(held: list[BackupSet], ground: Ground, columns: Mapping[str, list[str]]) -> list[str]:
    found = [f"{one.timestamp}: {UNVOUCHED}" for one in held if one.manifest is None]
    left_out = [
        f"{name}.{column.name}"
        for name, table in ground.tables.items()
        for column in table.columns
        if column.name not in columns[name]
    ]
    return found + ([say("compare_left_out_columns", columns=", ".join(left_out))] if left_out else [])
