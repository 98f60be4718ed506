"""The ways to restore, a function each: given a run, it writes rows and records what it did."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from common.errors import InvalidBackup, NotFound, ServiceError
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.operations.restore.context import Run
from data_pipeline.postgres.connection import savepoint
from data_pipeline.postgres.row_filter import EVERYTHING, Scope
from data_pipeline.postgres.schema import analyze, indexes, tables
from data_pipeline.postgres.writing import clone, merge, references, sync
from data_pipeline.postgres.writing import collections as chosen
from data_pipeline.postgres.writing.staging import Staged
from data_pipeline.postgres.writing.sync import Counts
from data_pipeline.sets.dialect import WrongDialect

Mode = Callable[[Run], None]


def of(options: RestoreRequest) -> Mode:
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
    selected = run.options.tables
    sources = [run.match(name) for name in selected]
    emptied = run.layout.with_referring(selected)
    references.expect_truncatable(run.session.cursor, run.live, [run.live[name] for name in emptied])
    run.take_precaution(run.secure("ACCESS EXCLUSIVE"))
    run.guard.begin(emptied)
    run.outcome.readers_wait()
    _truncate(run)
    dropped = indexes.drop(run.session, run.live, selected)
    for matched in sources:
        run.load(matched, *run.known_owners({}, live=True))
    results = indexes.rebuild(run.session, dropped, run.engine.settings.index_memory)
    run.outcome.rebuilt(results, dropped.warnings)
    _count(run, EVERYTHING)
    for name in selected:
        analyze.describe_new(run.session.cursor, run.live[name], run.outcome.rows(name))
    run.finish()


def replace_chosen(run: Run) -> None:
    """The rows of some collections, deleted and loaded; no index is dropped, and readers go on with the old rows.

    A collection that stays is updated where it is: whoever waits to add an embedding to it then finds it again.
    """
    selected, ownership = run.options.tables, run.layout.owned
    staged = run.stage([ownership.owner] if ownership.owner in selected else [])
    source = run.match(ownership.member) if ownership.member in selected else None
    scope = run.secure("SHARE ROW EXCLUSIVE")
    collections = scoped(staged, scope)
    run.guard.begin(selected)
    emptied = [references.emptied(run.live.members, scope)] if source else []
    run.expect_none_lost(*emptied, *map(references.equalled, collections.values()))
    run.take_precaution(scope)
    run.session.enter("truncate")
    started = time.monotonic()
    before = {name: tables.count(run.session.cursor, run.live[name], scope) for name in selected}
    if source:
        deleted = chosen.delete_members(run.session.cursor, run.live, scope)
        run.guard.expect_written(ownership.member, 0, 0, deleted)
    run.outcome.truncated(before, time.monotonic() - started)
    _expect_written(run, sync.apply(run.session, run.live, collections))
    run.written += collections.values()
    if source:
        run.load(source, run.live.owner)
        run.guard.expect_written(ownership.member, run.outcome.rows(ownership.member), 0, 0)
    _count(run, scope)
    for name in selected:
        analyze.refresh(run.session.cursor, run.live[name])
    run.finish()


def append(run: Run) -> None:
    """Rows beside those that are there, each table in a savepoint of its own."""
    for name in run.options.tables:
        with suppress(InvalidBackup, NotFound):  # which its table alone will fail for
            run.match(name)
    run.take_precaution(run.secure(None))
    for name in run.options.tables:
        try:
            with savepoint(run.session, "one_table"):
                matched = run.match(name)
                run.guard.begin([name])
                run.load(matched, *run.known_owners({}, live=True))
                run.guard.expect_written(name, run.outcome.rows(name), 0, 0)
                run.finish()
                analyze.refresh(run.session.cursor, run.live[name])
        except WrongDialect:  # which its other table can't be read in either
            raise
        except ServiceError as error:
            run.outcome.failed(name, error)
    run.outcome.expect_something(run.options.atomic is True)


def make_equal(run: Run) -> None:
    """Tables, or some collections, made equal to the backup; only rows that differ are written."""
    staged = run.stage(run.options.tables)
    scope = run.secure("SHARE ROW EXCLUSIVE")
    selected = scoped(staged, scope)
    run.guard.begin(run.options.tables)
    run.expect_none_lost(*map(references.equalled, selected.values()))
    run.take_precaution(scope)
    counts = sync.apply(run.session, run.live, selected)
    for name, found in counts.items():
        run.expect_rows(name, found.rows, scope)
    run.written += selected.values()
    _record(run, counts, run.outcome.synced)
    run.finish()


def merge_rows(run: Run) -> None:
    """Rows beside those that are there; of a row that is in both, on_conflict says which one stays."""
    staged = run.stage(run.layout.names)
    scope = run.secure("SHARE ROW EXCLUSIVE")
    if run.layout.ownership:
        merge.assign(run.session, run.layout.ownership, staged)
    selected = {name: one for name, one in scoped(staged, scope).items() if name in run.options.tables}
    update = run.options.on_conflict == "update"
    run.guard.begin(run.options.tables)
    if update:
        run.expect_none_lost(*map(references.updated, selected.values()))
    run.take_precaution(scope)
    counts = merge.apply(run.session, run.live, selected, update=update, compared=bool(run.guard.firing))
    run.written += selected.values()
    _record(run, counts, run.outcome.merged)
    run.finish()


def copy(run: Run) -> None:
    """New collections beside the originals, with uuids and ids of their own."""
    suffix = run.options.collection_suffix or ""
    ownership = run.layout.owned
    staged = run.stage(run.layout.names)
    names = clone.names(run.session.cursor, ownership, staged[ownership.owner], suffix)
    scope = run.hold(names, ())
    run.guard.begin(run.layout.names)
    run.take_precaution(scope)
    clone.expect_free(run.session.cursor, ownership, run.live.owner, names)
    run.outcome.left_out(clone.insert(run.session, ownership, staged, suffix))
    run.outcome.concerned(names)
    if run.guard.firing:
        run.written += clone.staged_copies(run.session, ownership, staged, suffix)
    for name in run.layout.names:
        run.guard.expect_written(name, run.outcome.rows(name), 0, 0)
        analyze.refresh(run.session.cursor, run.live[name])
    run.finish()


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
        run.expect_rows(name, run.outcome.rows(name), scope)


def _expect_written(run: Run, counts: dict[str, Counts]) -> None:
    for name, found in counts.items():
        run.guard.expect_written(name, found.inserted, found.updated + found.parked, found.deleted)


def _record(run: Run, counts: dict[str, Counts], record: Callable[[str, Counts], None]) -> None:
    _expect_written(run, counts)
    for name, found in counts.items():
        record(name, found)
        analyze.refresh(run.session.cursor, run.live[name])
