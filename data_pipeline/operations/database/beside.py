"""A restore into a database of its own beside the live one, and the change of their names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from common.errors import DependentRows
from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.database.filling import Filling
from data_pipeline.operations.database.restoring import Report, Restoring
from data_pipeline.postgres.progress import Progress
from data_pipeline.postgres.schema.tables import QUEUE_SCHEMA
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.whole import databases, facts
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

    def run(self, progress: Progress, tell: Callable[[Message], None]) -> tuple[Report, str, dict[str, int]]:
        """Fill a new database: what was done, its name, and the rows of its tables.

        Raises ServiceError, Cancelled; then it is gone again.
        """
        live, timeouts = self.restoring.facts.database, self.engine.timeouts
        databases.drop_unfinished(self.admin, timeouts, live)
        name = databases.named_like(live, "new", self.timestamp)
        with databases.maintenance(self.admin, timeouts) as session:
            like = databases.describe(session, live)
        databases.create(self.admin, timeouts, name, like, live)
        try:
            filling = Filling(self.engine, self.restoring.archive, self.restoring.skipped, self.promised)
            report, rows = filling.run(replace(self.restoring.target, dbname=name), progress, tell)
            with databases.maintenance(self.admin, timeouts) as session:
                databases.finish(session, name, like, live)
        except BaseException:
            databases.drop(self.admin, timeouts, name)
            raise
        return report, name, rows

    def swap(self, name: str) -> str:
        """Let it take the live one's place; the name under which that one is kept. The live session has ended."""
        live = self.restoring.facts.database
        before = databases.named_like(live, "before", self.timestamp)
        databases.swap(self.admin, self.engine.timeouts, live=live, new=name, before=before)
        return before
