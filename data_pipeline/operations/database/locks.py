"""One export, and one import or restore, of a database at a time, across machines."""

from collections.abc import Iterator
from contextlib import contextmanager

from common.errors import OperationInProgress
from common.messages import say
from data_pipeline.postgres import connection, writer_lock
from data_pipeline.postgres.connection import Session, transaction
from data_pipeline.postgres.link.wire import Timeouts
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.whole import backends, dump_lock
from data_pipeline.stores.pg_database.child import PREFIX

DUMPS, RESTORES = f"{PREFIX}pg_dump ", f"{PREFIX}pg_restore "


@contextmanager
def dumping(target: Target, timeouts: Timeouts, progress: Progress) -> Iterator[Session]:
    """A snapshot of the database in which no other dump of it runs. Raises OperationInProgress, as documented."""
    with documented(), transaction(target, timeouts, snapshot=True, read_only=True, progress=progress) as session:
        dump_lock.take(session.cursor)
        backends.end_orphans(session, DUMPS)
        connection.may_idle(session)
        yield session


@contextmanager
def writing(target: Target, timeouts: Timeouts, progress: Progress) -> Iterator[Session]:
    """The database's one writer, as long as the block runs: a pg_restore of another one has lost its service.

    Raises OperationInProgress, as documented.
    """
    with documented(), transaction(target, timeouts, read_only=True, progress=progress.beside()) as session:
        writer_lock.take(session.cursor)
        backends.end_orphans(session, RESTORES)
        connection.may_idle(session)
        yield session


def sweep(target: Target, timeouts: Timeouts) -> None:
    """End what children of killed processes have left at work, unless there is a writer. Raises ServiceError.

    Where there is nothing to end no writer is kept away, however briefly: this is looked for when a service starts.
    """
    with transaction(target, timeouts, read_only=True) as session:
        dumps, restores = (backends.any_of(session, prefix) for prefix in (DUMPS, RESTORES))
    if restores:
        with writing(target, timeouts, SILENT):
            pass
    if dumps:
        with dumping(target, timeouts, SILENT):
            pass


@contextmanager
def documented() -> Iterator[None]:
    """Let the refusal have the two keys that the documented system answers with."""
    try:
        yield
    except OperationInProgress as error:
        error.beside = {"error": say("database_export_busy"), "details": say("database_export_busy_details")}
        raise
