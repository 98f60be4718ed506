"""One restore under way: what its steps share, whatever its mode."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from uuid import UUID

from data_pipeline.api import precaution
from data_pipeline.api.options import Options
from data_pipeline.api.outcome import Outcome
from data_pipeline.engine import Engine
from data_pipeline.vector import chosen, coercion, connection, indexes, loader, source, staging, tables
from data_pipeline.vector.catalog import BackupSet
from data_pipeline.vector.connection import Session
from data_pipeline.vector.dialect import SetDialect
from data_pipeline.vector.naming import COLLECTION, EMBEDDING, TABLES
from data_pipeline.vector.scope import EVERYTHING, Scope
from data_pipeline.vector.source import Source
from data_pipeline.vector.staging import Staged
from data_pipeline.vector.tables import LockMode, Table


class Run:
    """A backup set, the transaction it is restored in, and the tables it goes into. Every step raises ServiceError.

    wanted: the uuids that the backup's chosen collections have there; None without a choice.
    """

    def __init__(
        self,
        engine: Engine,
        backup_set: BackupSet,
        options: Options,
        session: Session,
        outcome: Outcome,
        dialect: SetDialect,
    ) -> None:
        self.engine = engine
        self.options = options
        self.session = session
        self.outcome = outcome
        self.live = tables.inspect(session.cursor, engine.settings.schema)
        self.wanted: list[str] | None = None
        self.dialect = dialect
        self._set = backup_set
        self._checked = indexes.has_foreign_key(session.cursor, self.live)
        """The database refuses an embedding without its collection, so we look first."""
        self._secured: Scope | None = None
        self._marked = False

    def begin(self) -> None:
        """Begin, or begin again with what the set's files have told of their dialect; what is locked stays locked."""
        if self._marked:
            connection.return_to_mark(self.session)
            self.outcome.begin()
        else:
            self._mark()

    def _mark(self) -> None:
        """What may have to be read again is undone from here."""
        if self._set.manifest is None:
            connection.mark(self.session)
            self._marked = True

    def choose(self) -> None:
        """Find the chosen collections in the backup. Raises NotFound, with the names there are."""
        names = self.options.collections
        if names is None:
            return
        cursor, collection, manifest = self.session.cursor, self.live[COLLECTION], self._set.manifest
        listed = staging.stage(cursor, self.match(COLLECTION))
        self._fill(listed.source, None)
        staging.index(self.session, listed)
        absent = manifest.chosen_collections if manifest else None
        self.outcome.concerned(names)
        self.wanted = chosen.pick(cursor, listed.table, names, absent or ())
        staging.drop(cursor, listed)
        if self.options.collection_suffix is None:
            chosen.expect_names_kept(cursor, collection, names, self.wanted)
        if COLLECTION not in self.options.tables and not self.options.merges:
            chosen.expect_there(cursor, collection, self.wanted)

    def match(self, name: str) -> Source:
        """A table's file, matched to the live table; only the chosen collections' rows of it."""
        dimensions = indexes.dimensions(self.session.cursor, self.live[EMBEDDING])
        matched = source.match(self._set, self.live[name], dimensions, self.dialect)
        wanted = None if self.wanted is None else frozenset(UUID(uuid).bytes for uuid in self.wanted)
        return replace(matched, layout=replace(matched.layout, wanted=wanted))

    def load(self, matched: Source, *collections: Table) -> None:
        """Load one table. Collections go first, so the uuids an embedding may name are all in these by then.

        Without any they are not looked at.
        """
        started = time.monotonic()
        known = None
        if matched.name == EMBEDDING and self._checked and collections:
            known = tables.collection_ids(self.session.cursor, collections)
        rows, warnings = self._fill(matched, known)
        if matched.name in self.options.tables:
            self.outcome.restored(matched, rows, time.monotonic() - started, warnings)

    def _fill(self, matched: Source, known: frozenset[bytes] | None) -> tuple[int, list[str]]:
        """Load a file as it is, or convert it; returns rows, and what was done to them."""
        if not matched.coerced:
            return loader.load(self.session, matched, known, self.engine.pool), []
        scope = Scope(self.options.collections, self.wanted)
        if self.wanted is not None:
            known = None  # of the others, whose collections need not be there, the file is read too
        return coercion.load(self.session, matched, scope, known, self.engine.pool)

    def stage(self, names: Iterable[str]) -> dict[str, Staged]:
        """Load tables into temporary ones, with a key, to be compared with the live ones. Locks nothing."""
        staged = {name: staging.stage(self.session.cursor, self.match(name)) for name in names}
        known = [staged[COLLECTION].table] if COLLECTION in staged else []
        if self.options.merges or not known:
            known.append(self.live[COLLECTION])
        for one in staged.values():
            self.load(one.source, *known)
            staging.index(self.session, one)
        return staged

    def secure(self, mode: LockMode | None) -> Scope:
        """Lock what will be written until the transaction ends, and take the backup that was asked for.

        mode: the lock on both tables; of chosen collections only their rows are locked. None locks nothing unless a
        backup must not miss what others write. Returns what may be written.
        """
        if self._secured is None:
            self._secured = self._secure(mode)
            self._mark()
        return self._secured

    def _secure(self, mode: LockMode | None) -> Scope:
        first = self.options.backup_before_restore
        scope = EVERYTHING
        if self.options.collections is not None and (mode or first):
            scope = self.hold(self.options.collections, self.wanted or [])
        elif mode or first:
            tables.lock(self.session.cursor, self.engine.settings.schema, TABLES, mode or "SHARE ROW EXCLUSIVE")
        self.take_precaution(scope)
        return scope

    def hold(self, names: Sequence[str], uuids: Sequence[str]) -> Scope:
        """Lock collections by name, and their embeddings if they are to be backed up."""
        rows = self.options.backup_before_restore
        return chosen.hold(self.session.cursor, self.live, names, uuids, by_key=self._checked, rows=rows)

    def take_precaution(self, scope: Scope) -> None:
        """Back up what is about to change, if that was asked for."""
        if self.options.backup_before_restore:
            self.outcome.precaution = precaution.take(self.engine, self.session, self.live, scope)
