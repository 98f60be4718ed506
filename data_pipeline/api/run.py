"""One restore under way: what its steps share, whatever its mode."""

import time
from collections.abc import Iterable

from data_pipeline.api.options import Options
from data_pipeline.api.outcome import Outcome
from data_pipeline.engine import Engine
from data_pipeline.vector import indexes, loader, source, staging, tables
from data_pipeline.vector.catalog import BackupSet
from data_pipeline.vector.connection import Session
from data_pipeline.vector.naming import COLLECTION, EMBEDDING, TABLES
from data_pipeline.vector.source import Source
from data_pipeline.vector.staging import Staged
from data_pipeline.vector.tables import Table


class Run:
    """A backup set, the transaction it is restored in, and the tables it goes into. Every step raises ServiceError."""

    def __init__(
        self, engine: Engine, backup_set: BackupSet, options: Options, session: Session, outcome: Outcome
    ) -> None:
        self.engine = engine
        self.options = options
        self.session = session
        self.outcome = outcome
        self.live = tables.inspect(session.cursor, engine.settings.schema)
        self._set = backup_set
        self._checked = indexes.has_foreign_key(session.cursor, self.live)
        """The database refuses an embedding without its collection, so we look first."""

    def match(self, name: str) -> Source:
        """A table's file, matched to the live table."""
        dimensions = indexes.dimensions(self.session.cursor, self.live[EMBEDDING])
        return source.match(self._set, self.live[name], dimensions)

    def lock(self, mode: tables.LockMode) -> None:
        """Lock both tables until the transaction ends."""
        tables.lock(self.session.cursor, self.engine.settings.schema, TABLES, mode)

    def load(self, matched: Source, collection: Table) -> None:
        """Load one table. Collections go first, so the uuids an embedding may name are all in `collection` by then."""
        started = time.monotonic()
        known = None
        if matched.name == EMBEDDING and self._checked:
            known = tables.collection_ids(self.session.cursor, collection)
        rows = loader.load(self.session, matched, known, self.engine.pool)
        self.outcome.restored(matched, rows, time.monotonic() - started)

    def stage(self, names: Iterable[str]) -> dict[str, Staged]:
        """Load tables into temporary ones, with a key, to be compared with the live ones. Locks nothing."""
        staged = {name: staging.stage(self.session.cursor, self.match(name)) for name in names}
        known = staged[COLLECTION].table if COLLECTION in staged else self.live[COLLECTION]
        for one in staged.values():
            self.load(one.source, known)
            staging.index(self.session, one)
        return staged
