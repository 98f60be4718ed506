"""The ways to restore, a function each: given a context, it writes rows and records what it did."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from common.errors import InvalidBackup, NotFound, ServiceError
from data_pipeline.operations.restore.context import Context
from data_pipeline.operations.restore.options import Options
from data_pipeline.postgres.connection import savepoint
from data_pipeline.postgres.row_filter import EVERYTHING, Scope
from data_pipeline.postgres.schema import analyze, indexes, tables
from data_pipeline.postgres.writing import clone, merge, references, sync
from data_pipeline.postgres.writing import collections as chosen
from data_pipeline.postgres.writing.staging import Staged
from data_pipeline.postgres.writing.sync import Counts
from data_pipeline.sets.dialect import WrongDialect
from data_pipeline.storage.naming import COLLECTION, EMBEDDING, TABLES

Mode = Callable[[Context], None]


def of(options: Options) -> Mode:
    """The one that was asked for."""
    if options.collection_suffix is not None:
        return copy
    if options.merges:
        return merge_rows
    if options.truncate:
        return replace_all if options.collections is None else replace_chosen
    return make_equal if options.strategy == "sync" else append


def replace_all(context: Context) -> None:
    """Whole tables, emptied and loaded without their indexes, which are built again."""
    selected = context.options.tables
    sources = [context.match(name) for name in selected]
    emptied = TABLES if COLLECTION in selected else selected
    references.expect_truncatable(context.session.cursor, context.live, [context.live[name] for name in emptied])
    context.back_up(context.secure("ACCESS EXCLUSIVE"))
    context.guard.begin(emptied)
    context.report.readers_wait()
    _truncate(context)
    dropped = indexes.drop(context.session, context.live, selected)
    for matched in sources:
        context.load(matched, context.live[COLLECTION])
    results = indexes.rebuild(context.session, dropped, context.engine.settings.index_memory)
    context.report.rebuilt(results, dropped.warnings)
    _count(context, EVERYTHING)
    for name in selected:
        analyze.describe_new(context.session.cursor, context.live[name], context.report.rows(name))
    context.finish()


def replace_chosen(context: Context) -> None:
    """The rows of some collections, deleted and loaded; no index is dropped, and readers go on with the old rows.

    A collection that stays is updated where it is: whoever waits to add an embedding to it then finds it again.
    """
    selected = context.options.tables
    staged = context.stage([COLLECTION] if COLLECTION in selected else [])
    source = context.match(EMBEDDING) if EMBEDDING in selected else None
    scope = context.secure("SHARE ROW EXCLUSIVE")
    collections = scoped(staged, scope)
    context.guard.begin(selected)
    emptied = [references.emptied(context.live[EMBEDDING], scope)] if source else []
    context.expect_none_lost(*emptied, *map(references.equalled, collections.values()))
    context.back_up(scope)
    context.session.enter("truncate")
    started = time.monotonic()
    before = {name: tables.count(context.session.cursor, context.live[name], scope) for name in selected}
    if source:
        deleted = chosen.delete_embeddings(context.session.cursor, context.live, scope)
        context.guard.expect_written(EMBEDDING, 0, 0, deleted)
    context.report.truncated(before, time.monotonic() - started)
    _expect_written(context, sync.apply(context.session, collections))
    context.written += collections.values()
    if source:
        context.load(source, context.live[COLLECTION])
        context.guard.expect_written(EMBEDDING, context.report.rows(EMBEDDING), 0, 0)
    _count(context, scope)
    for name in selected:
        analyze.refresh(context.session.cursor, context.live[name])
    context.finish()


def append(context: Context) -> None:
    """Rows beside those that are there, each table in a savepoint of its own."""
    for name in context.options.tables:
        with suppress(InvalidBackup, NotFound):  # which its table alone will fail for
            context.match(name)
    context.back_up(context.secure(None))
    for name in context.options.tables:
        try:
            with savepoint(context.session, "one_table"):
                matched = context.match(name)
                context.guard.begin([name])
                context.load(matched, context.live[COLLECTION])
                context.guard.expect_written(name, context.report.rows(name), 0, 0)
                context.finish()
                analyze.refresh(context.session.cursor, context.live[name])
        except WrongDialect:  # which its other table can't be read in either
            raise
        except ServiceError as error:
            context.report.failed(name, error)
    context.report.expect_something(context.options.atomic)


def make_equal(context: Context) -> None:
    """Tables, or some collections, made equal to the backup; only rows that differ are written."""
    staged = context.stage(context.options.tables)
    scope = context.secure("SHARE ROW EXCLUSIVE")
    selected = scoped(staged, scope)
    context.guard.begin(context.options.tables)
    context.expect_none_lost(*map(references.equalled, selected.values()))
    context.back_up(scope)
    counts = sync.apply(context.session, selected)
    for name, found in counts.items():
        context.expect_rows(name, found.rows, scope)
    context.written += selected.values()
    _record(context, counts, context.report.synced)
    context.finish()


def merge_rows(context: Context) -> None:
    """Rows beside those that are there; of a row that is in both, on_conflict says which one stays."""
    staged = context.stage(TABLES)
    scope = context.secure("SHARE ROW EXCLUSIVE")
    merge.assign(context.session, staged)
    selected = {name: one for name, one in scoped(staged, scope).items() if name in context.options.tables}
    update = context.options.on_conflict == "update"
    context.guard.begin(context.options.tables)
    if update:
        context.expect_none_lost(*map(references.updated, selected.values()))
    context.back_up(scope)
    counts = merge.apply(context.session, selected, update=update, compared=bool(context.guard.firing))
    context.written += selected.values()
    _record(context, counts, context.report.merged)
    context.finish()


def copy(context: Context) -> None:
    """New collections beside the originals, with uuids and ids of their own."""
    suffix = context.options.collection_suffix or ""
    staged = context.stage(TABLES)
    names = clone.names(context.session.cursor, staged[COLLECTION], suffix)
    scope = context.hold(names, ())
    context.guard.begin(TABLES)
    context.back_up(scope)
    clone.expect_free(context.session.cursor, context.live[COLLECTION], names)
    context.report.left_out(clone.insert(context.session, staged, suffix))
    context.report.concerned(names)
    if context.guard.firing:
        context.written += clone.staged_copies(context.session, staged, suffix)
    for name in TABLES:
        context.guard.expect_written(name, context.report.rows(name), 0, 0)
        analyze.refresh(context.session.cursor, context.live[name])
    context.finish()


def scoped(staged: dict[str, Staged], scope: Scope) -> dict[str, Staged]:
    """The same, to be compared with the live rows in scope only."""
    return {name: replace(one, scope=scope) for name, one in staged.items()}


def _truncate(context: Context) -> None:
    context.session.enter("truncate")
    before = {name: tables.count(context.session.cursor, context.live[name]) for name in context.options.tables}
    started = time.monotonic()
    tables.truncate(context.session.cursor, context.live, context.options.tables)
    context.report.truncated(before, time.monotonic() - started)


def _count(context: Context, scope: Scope) -> None:
    context.session.enter("check")
    for name in context.options.tables:
        context.expect_rows(name, context.report.rows(name), scope)


def _expect_written(context: Context, counts: dict[str, Counts]) -> None:
    for name, found in counts.items():
        context.guard.expect_written(name, found.inserted, found.updated + found.parked, found.deleted)


def _record(context: Context, counts: dict[str, Counts], record: Callable[[str, Counts], None]) -> None:
    _expect_written(context, counts)
    for name, found in counts.items():
        record(name, found)
        analyze.refresh(context.session.cursor, context.live[name])
