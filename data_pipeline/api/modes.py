"""The ways to restore, a function each: given a run, it writes rows and records what it did."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from common.errors import InvalidBackup, NotFound, ServiceError
from data_pipeline.api.options import Options
from data_pipeline.api.run import Run
from data_pipeline.vector import chosen, copies, indexes, merge, planner_statistics, sync, tables
from data_pipeline.vector.connection import savepoint
from data_pipeline.vector.dialect import WrongDialect
from data_pipeline.vector.naming import COLLECTION, EMBEDDING, TABLES
from data_pipeline.vector.scope import EVERYTHING, Scope
from data_pipeline.vector.staging import Staged
from data_pipeline.vector.sync import Counts

Mode = Callable[[Run], None]


def of(options: Options) -> Mode:
    """The one that was asked for."""
    if options.collection_suffix is not None:
        return copy
    if options.merges:
        return merge_rows
    if options.truncate:
        return replace_all if options.collections is None else replace_chosen
    return make_equal if options.strategy == "sync" else append


def replace_all(run: Run) -> None:
    """Whole tables, emptied and loaded without their indexes, which are built again."""
    sources = [run.match(name) for name in run.options.tables]
    run.secure("ACCESS EXCLUSIVE")
    run.outcome.readers_wait()
    _truncate(run)
    dropped = indexes.drop(run.session, run.live, run.options.tables)
    for matched in sources:
        run.load(matched, run.live[COLLECTION])
    results = indexes.rebuild(run.session, dropped, run.engine.settings.index_memory)
    run.outcome.rebuilt(results, dropped.warnings)
    _count(run, EVERYTHING)
    for name in run.options.tables:
        planner_statistics.describe_new(run.session.cursor, run.live[name], run.outcome.rows(name))


def replace_chosen(run: Run) -> None:
    """The rows of some collections, deleted and loaded; no index is dropped, and readers go on with the old rows.

    A collection that stays is updated where it is: whoever waits to add an embedding to it then finds it again.
    """
    selected = run.options.tables
    staged = run.stage([COLLECTION] if COLLECTION in selected else [])
    source = run.match(EMBEDDING) if EMBEDDING in selected else None
    scope = run.secure("SHARE ROW EXCLUSIVE")
    chosen.expect_no_references(run.session.cursor, run.live)
    run.session.enter("truncate")
    started = time.monotonic()
    before = {name: tables.count(run.session.cursor, run.live[name], scope) for name in selected}
    if source:
        chosen.delete_embeddings(run.session.cursor, run.live, scope)
    run.outcome.truncated(before, time.monotonic() - started)
    sync.apply(run.session, scoped(staged, scope))
    if source:
        run.load(source, run.live[COLLECTION])
    _count(run, scope)
    for name in selected:
        planner_statistics.refresh(run.session.cursor, run.live[name])


def append(run: Run) -> None:
    """Rows beside those that are there, each table in a savepoint of its own."""
    for name in run.options.tables:
        with suppress(InvalidBackup, NotFound):  # which its table alone will fail for
            run.match(name)
    run.secure(None)
    for name in run.options.tables:
        try:
            with savepoint(run.session, "one_table"):
                run.load(run.match(name), run.live[COLLECTION])
                planner_statistics.refresh(run.session.cursor, run.live[name])
        except WrongDialect:  # which its other table can't be read in either
            raise
        except ServiceError as error:
            run.outcome.failed(name, error)
    run.outcome.expect_something(run.options.atomic)


def make_equal(run: Run) -> None:
    """Tables, or some collections, made equal to the backup; only rows that differ are written."""
    staged = run.stage(run.options.tables)
    scope = run.secure("SHARE ROW EXCLUSIVE")
    counts = sync.apply(run.session, scoped(staged, scope))
    for name, found in counts.items():
        tables.expect_rows(run.session.cursor, run.live[name], found.rows, scope)
    _record(run, counts, run.outcome.synced)


def merge_rows(run: Run) -> None:
    """Rows beside those that are there; of a row that is in both, on_conflict says which one stays."""
    staged = run.stage(TABLES)
    scope = run.secure("SHARE ROW EXCLUSIVE")
    merge.assign(run.session, staged)
    selected = {name: one for name, one in scoped(staged, scope).items() if name in run.options.tables}
    counts = merge.apply(run.session, selected, update=run.options.on_conflict == "update")
    _record(run, counts, run.outcome.merged)


def copy(run: Run) -> None:
    """New collections beside the originals, with uuids and ids of their own."""
    suffix = run.options.collection_suffix or ""
    staged = run.stage(TABLES)
    names = copies.names(run.session.cursor, staged[COLLECTION], suffix)
    run.take_precaution(run.hold(names, ()))
    copies.expect_free(run.session.cursor, run.live[COLLECTION], names)
    run.outcome.left_out(copies.insert(run.session, staged, suffix))
    run.outcome.concerned(names)
    for name in TABLES:
        planner_statistics.refresh(run.session.cursor, run.live[name])


def scoped(staged: dict[str, Staged], scope: Scope) -> dict[str, Staged]:
    """The same, to be compared with the live rows in scope only."""
    return {name: replace(one, scope=scope) for name, one in staged.items()}


def _truncate(run: Run) -> None:
    run.session.enter("truncate")
    before = {name: tables.count(run.session.cursor, run.live[name]) for name in run.options.tables}
    started = time.monotonic()
    tables.truncate(run.session.cursor, run.live, run.options.tables)
    run.outcome.truncated(before, time.monotonic() - started)


def _count(run: Run, scope: Scope) -> None:
    run.session.enter("check")
    for name in run.options.tables:
        tables.expect_rows(run.session.cursor, run.live[name], run.outcome.rows(name), scope)


def _record(run: Run, counts: dict[str, Counts], record: Callable[[str, Counts], None]) -> None:
    for name, found in counts.items():
        record(name, found)
        planner_statistics.refresh(run.session.cursor, run.live[name])
