"""A restore into a database of its own beside the live one, and the change of their names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from common.errors import DependentRows, InvalidBackup
from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.database.restoring import Report, Restoring
from data_pipeline.postgres import connection
from data_pipeline.postgres.connection import Session, transaction
from data_pipeline.postgres.progress import Progress
from data_pipeline.postgres.schema import analyze
from data_pipeline.postgres.schema.tables import QUEUE_SCHEMA
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.whole import databases, facts, relations
from data_pipeline.stores.pg_database import selection
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
            report, rows = self._fill(name, progress, tell)
            with databases.maintenance(self.admin, timeouts) as session:
                databases.finish(session, name, like, live)
        except BaseException:
            databases.drop(self.admin, timeouts, name)
            raise
        return report, name, rows

    def _fill(self, name: str, progress: Progress, tell: Callable[[Message], None]) -> tuple[Report, dict[str, int]]:
        target = replace(self.restoring.target, dbname=name)
        with transaction(target, self.engine.timeouts, read_only=True, progress=progress.beside()) as session:
            connection.may_idle(session)
            restoring = replace(self.restoring, target=target, session=session)
            role, chosen = restoring.facts, restoring.chosen()
            restoring.expect_extensions(chosen)
            chosen = selection.without_present(chosen, facts.present_extensions(session), facts.schemas(session))
            named = {one for entry in chosen.entries for one in selection.roles_of(entry)}
            present = facts.present_roles(session, named)
            chosen = selection.without_roles(chosen, present, role.role, role.superuser)
            _, status = restoring.run(chosen, progress, tell, strict=True)
        progress.enter("check", None)
        with transaction(target, self.engine.timeouts, progress=progress.beside()) as session:
            rows = self._counted(session)
            analyze.everything(session.cursor)
        return Report(status=status, left_out=chosen.left_out), rows

    def _counted(self, session: Session) -> dict[str, int]:
        """The rows of each table that the manifest has rows of. Raises InvalidBackup where there are others."""
        skipped = set(relations.logs(session, self.restoring.skipped))
        stored = {f"{one.schema}.{one.name}": one.relation for one in relations.stored(session)}
        chosen = {
            name: stored.get(name)
            for name, fact in self.promised.items()
            if fact.rows is not None and stored.get(name) not in skipped
        }
        found = relations.count(session, [relation for relation in chosen.values() if relation])
        rows = {name: found[relation] if relation else 0 for name, relation in chosen.items()}
        if wrong := [name for name, count in rows.items() if count != self.promised[name].rows]:
            texts = tuple(say("rows_of_table", table=name, rows=rows[name]) for name in wrong)
            raise InvalidBackup(say("rows_not_as_promised", tables=texts), can_retry=False)
        return rows

    def swap(self, name: str) -> str:
        """Let it take the live one's place; the name under which that one is kept. The live session has ended."""
        live = self.restoring.facts.database
        before = databases.named_like(live, "before", self.timestamp)
        databases.swap(self.admin, self.engine.timeouts, live=live, new=name, before=before)
        return before
