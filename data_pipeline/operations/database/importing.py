"""DatabaseImport: an archive restored into a live database, merged or in place of what is there."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.database import locks, migration, target_role, trust
from data_pipeline.operations.database.clean import Clean
from data_pipeline.operations.database.merge import Merge
from data_pipeline.operations.database.restoring import Restoring
from data_pipeline.operations.database.spool import Spool
from data_pipeline.operations.requests.database import ImportRequest
from data_pipeline.operations.results.database import Imported
from data_pipeline.postgres.progress import Progress
from data_pipeline.postgres.whole import facts as database_facts
from data_pipeline.stores.pg_database.tools import Tools

Tell = Callable[[Message], None]


@dataclass(frozen=True)
class Import:
    """An import that may begin: its database is locked, its archive fits and may run."""

    restoring: Restoring
    engine: Engine
    clean: bool

    def run(self, progress: Progress, tell: Tell) -> Imported:
        """Do it. Raises ServiceError: of a merge what was loaded by then stays, else nothing was changed."""
        started = time.monotonic()
        restoring, archive = self.restoring, self.restoring.archive.contents
        tell(
            say(
                "import_began",
                database=archive.database,
                version=archive.server_version,
                entries=len(archive.entries),
                tool=restoring.tool.version,
            )
        )
        mode = Clean(restoring) if self.clean else Merge(restoring)
        report = mode.run(progress, tell)
        migration.run(self.engine.settings.dumps.migration, restoring.target, progress, tell)
        return report.describe(restoring, time.monotonic() - started)


class DatabaseImport:
    """Imports archives. Raises ServiceError. bug: the text of a failure that the code doesn't foresee."""

    bug: Message = say("import_failed")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._tools = Tools(engine.settings.dumps.programs)

    @contextmanager
    def open(self, request: ImportRequest, archive: Spool, progress: Progress) -> Iterator[Import]:
        """Find out whether it may begin, and keep every other writer out meanwhile."""
        engine, contents = self._engine, archive.contents
        trust.expect_known(self._engine.archives, archive.sha256, request.trusted)
        target = engine.databases.named(request.target)
        target = target_role.of(engine, target)
        with locks.writing(target, engine.timeouts, progress) as session:
            facts = database_facts.of(session)
            tool = self._tools.for_restore(contents, facts.major, facts.server_version)
            trust.expect_harmless(facts, request.trusted)
            skipped = engine.settings.dumps.log_tables if request.skip_logs else ()
            restoring = Restoring(
                archive, target, engine.timeouts, session, facts, tool, skipped, engine.settings.index_memory
            )
            yield Import(restoring, engine, request.clean_first)
