"""An archive restored into a database that is empty, and what came back counted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from common.errors import InvalidBackup
from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.database.restoring import Report, Restoring
from data_pipeline.postgres import connection
from data_pipeline.postgres.connection import Session, transaction
from data_pipeline.postgres.progress import Progress
from data_pipeline.postgres.schema import analyze
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.whole import facts, relations
from data_pipeline.stores.pg_database import selection
from data_pipeline.stores.pg_database.facts import TableFact
from data_pipeline.stores.pg_database.restore import Archive
from data_pipeline.stores.pg_database.tools import Tools


@dataclass(frozen=True)
class Filling:
    """skipped: tables whose rows stay out. promised: what the manifest says of each table."""

    engine: Engine
    archive: Archive
    skipped: Sequence[str]
    promised: Mapping[str, TableFact]

    def run(self, target: Target, progress: Progress, tell: Callable[[Message], None]) -> tuple[Report, dict[str, int]]:
        """What was done, and the rows of each table. Raises ServiceError, Cancelled."""
        timeouts = self.engine.timeouts
        with transaction(target, timeouts, read_only=True, progress=progress.beside()) as session:
            connection.may_idle(session)
            report = self._fill(session, target, progress, tell)
        progress.enter("check", None)
        with transaction(target, timeouts, progress=progress.beside()) as session:
            rows = self._counted(session)
            analyze.everything(session.cursor)
        return report, rows

    def _fill(self, session: Session, target: Target, progress: Progress, tell: Callable[[Message], None]) -> Report:
        settings, role = self.engine.settings, facts.of(session)
        contents = self.archive.contents
        tool = Tools(settings.dumps.programs).for_restore(contents, role.major, role.server_version)
        restoring = Restoring(
            self.archive, target, self.engine.timeouts, session, role, tool, self.skipped, settings.index_memory
        )
        chosen = restoring.chosen()
        restoring.expect_extensions(chosen)
        chosen = selection.without_present(chosen, facts.present_extensions(session), facts.schemas(session))
        named = {one for entry in chosen.entries for one in selection.roles_of(entry)}
        present = facts.present_roles(session, named)
        chosen = selection.without_roles(chosen, present, role.role, role.superuser)
        _, status = restoring.run(chosen, progress, tell, strict=True)
        return Report(status=status, left_out=chosen.left_out)

    def _counted(self, session: Session) -> dict[str, int]:
        """The rows of each table that the manifest has rows of. Raises InvalidBackup where there are others."""
        skipped = set(relations.logs(session, self.skipped))
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
