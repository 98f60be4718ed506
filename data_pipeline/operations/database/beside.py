"""A restore into a database of its own beside the live one, and the change of their names."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from common.errors import DependentRows
from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.database.filling import Filling
from data_pipeline.operations.database.restoring import Report, Restoring
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.progress import Progress
from data_pipeline.postgres.schema.tables import QUEUE_SCHEMA
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.whole import databases, facts, unfinished
from data_pipeline.stores.pg_database.facts import TableFact


@dataclass(frozen=True)
class Beside:
    """admin: who makes and renames databases. live: the session in the live one, which keeps other writers out.

    promised: what the manifest says of each table.
    """

    engine: Engine
    admin: Target
    restoring: Restoring
    promised: Mapping[str, TableFact]
    timestamp: str

    def expect_possible(self) -> None:
        """Raise DependentRows for the database of the job queue, whose entries must not go back in time."""
        if QUEUE_SCHEMA in facts.schemas(self.restoring.session):
            raise DependentRows(say("queue_database_refused"), can_retry=False)

    def run(
        self, progress: Progress, tell: Callable[[Message], None], held: ExitStack
    ) -> tuple[Report, str, dict[str, int]]:
        """Fill a new database: what was done, its name, and the rows of its tables.

        held: until it ends the database is ours alone; where it ends with an exception the database goes with it.
        Raises ServiceError, Cancelled.
        """
        name = held.enter_context(self._made())
        filling = Filling(self.engine, self.restoring.archive, self.restoring.skipped, self.promised)
        report, rows = filling.run(replace(self.restoring.target, dbname=name), progress, tell)
        return report, name, rows

    def finish(self, name: str) -> None:
        """Let it be a database like any other, with what else the live one has."""
        with databases.maintenance(self.admin, self.engine.timeouts) as session:
            self._finish(session, name)

    def swap(self, name: str) -> str:
        """Finish it in the live one's place; the name under which that one is kept. The live session has ended."""
        before = databases.named_like(self._live, "before", self.timestamp)
        databases.swap(
            self.admin,
            self.engine.timeouts,
            live=self._live,
            new=name,
            before=before,
            finish=lambda session: self._finish(session, name),
        )
        return before

    @property
    def _live(self) -> str:
        return self.restoring.facts.database

    @contextmanager
    def _made(self) -> Iterator[str]:
        """A database that the block fills and finishes; removed where it doesn't."""
        admin, timeouts, live = self.admin, self.engine.timeouts, self._live
        name = databases.named_like(live, unfinished.NEW, self.timestamp)
        try:
            with unfinished.filling(admin, timeouts, live) as session:
                unfinished.remove_held(session, admin, timeouts, live)
                unfinished.create(admin, timeouts, name, databases.describe(session, live), live)
                yield name
        except BaseException:
            self.engine.unfinished.remove(admin, timeouts, live)
            raise

    def _finish(self, session: Session, name: str) -> None:
        databases.finish(session, name, databases.describe(session, self._live), self._live)
