"""The ways to restore, a function each: given a run, it writes rows and records what it did."""

import time
from collections.abc import Callable

from common.errors import ServiceError
from data_pipeline.api.options import Options
from data_pipeline.api.run import Run
from data_pipeline.vector import indexes, sync, tables
from data_pipeline.vector.connection import savepoint
from data_pipeline.vector.naming import COLLECTION
from data_pipeline.vector.source import Source

Mode = Callable[[Run], None]


def of(options: Options) -> Mode:
    """The one that was asked for."""
    if options.truncate:
        return replace_all
    return sync_all if options.strategy == "sync" else append


def replace_all(run: Run) -> None:
    """Whole tables, emptied and loaded without their indexes, which are built again."""
    sources = [run.match(name) for name in run.options.tables]
    run.lock("ACCESS EXCLUSIVE")
    run.outcome.readers_wait()
    _truncate(run)
    dropped = indexes.drop(run.session, run.live, run.options.tables)
    for matched in sources:
        run.load(matched, run.live[COLLECTION])
    results = indexes.rebuild(run.session, dropped, run.engine.settings.index_memory)
    run.outcome.rebuilt(results, dropped.warnings)
    _check(run, sources)


def append(run: Run) -> None:
    """Rows beside those that are there, each table in a savepoint of its own."""
    for name in run.options.tables:
        try:
            with savepoint(run.session, "one_table"):
                run.load(run.match(name), run.live[COLLECTION])
                tables.analyze(run.session.cursor, run.live[name])
        except ServiceError as error:
            run.outcome.failed(name, error)
    run.outcome.expect_something(run.options.atomic)


def sync_all(run: Run) -> None:
    """Whole tables made equal to the backup; only rows that differ are written."""
    staged = run.stage(run.options.tables)
    run.lock("SHARE ROW EXCLUSIVE")
    for name, counts in sync.apply(run.session, staged).items():
        run.outcome.synced(name, counts)
        tables.analyze(run.session.cursor, run.live[name])


def _truncate(run: Run) -> None:
    run.session.enter("truncate")
    before = {name: tables.count(run.session.cursor, run.live[name]) for name in run.options.tables}
    started = time.monotonic()
    tables.truncate(run.session.cursor, run.live, run.options.tables)
    run.outcome.truncated(before, time.monotonic() - started)


def _check(run: Run, sources: list[Source]) -> None:
    run.session.enter("check")
    for matched in sources:
        tables.expect_rows(run.session.cursor, matched.table, run.outcome.rows(matched.name))
        tables.analyze(run.session.cursor, matched.table)
