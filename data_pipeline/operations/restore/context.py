"""One restore under way: what the steps of every mode are made of."""

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from uuid import UUID

from common.errors import InvalidBackup, NotFound, TriggerChangedRows
from data_pipeline.engine import Engine
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore import safety_backup
from data_pipeline.operations.restore.guard import Guard
from data_pipeline.operations.restore.report import Report
from data_pipeline.operations.restore.stager import Incoming, Stager
from data_pipeline.postgres import connection
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.digests.narrowing import Narrowing
from data_pipeline.postgres.progress import Uncounted
from data_pipeline.postgres.reading import owners
from data_pipeline.postgres.row_filter import EVERYTHING, Scope
from data_pipeline.postgres.schema import chosen_rows, indexes, tables
from data_pipeline.postgres.schema.tables import LockMode, Table
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.writing import collections, conflicts, conversion, copy_in, references, staging
from data_pipeline.postgres.writing.collections import Owners
from data_pipeline.postgres.writing.references import Going
from data_pipeline.postgres.writing.sequences import advance
from data_pipeline.postgres.writing.staging import Staged
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.tables import table_source
from data_pipeline.sets.tables.dialect import SetDialect
from data_pipeline.sets.tables.table_source import Source


class Context:
    """A backup set, the transaction it is restored in, and the tables it goes into. Every step raises ServiceError.

    DryContext has the same steps for a dry run.

    wanted: the uuids that the backup's chosen collections have there; None without a choice.
    """

    sample = 0
    """Of a table that is staged only as far as it differs, so many rows are kept to measure on."""

    def __init__(
        self,
        engine: Engine,
        backup_set: BackupSet,
        request: RestoreOptions,
        session: Session,
        target: Target,
        report: Report,
        dialect: SetDialect,
    ) -> None:
        self.engine = engine
        self.target = target
        self.request = request
        self.session = session
        self.report = report
        self.live = tables.inspect(session.cursor, session.schema, backup_set.layout)
        self.layout = self.live.layout
        self.guard = Guard(session, self.live, report, disable=request.triggers == "disable")
        self.written: list[Staged] = []
        """Rows that the live tables must have in the end, where triggers could make others of them."""
        self.wanted: list[str] | None = None
        self.rows = EVERYTHING
        """Those that were chosen by their values."""
        self.dialect = dialect
        self._set = backup_set
        self._loaded: list[Source] = []
        self._checked = indexes.refuses_orphans(session.cursor, self.live)
        """The database refuses a row without its owner, so we look first."""
        self._secured: Scope | None = None
        self._marked = False
        self.stager = Stager(session, request, report, Narrowing(session, engine.pool, self.sample), self._load)

    def begin(self) -> None:
        """Begin, or begin again with what the set's files have told of their dialect; what is locked stays locked."""
        if self._marked:
            connection.return_to_mark(self.session)
            self.report.begin()
            self.written.clear()
            self._loaded.clear()
        else:
            self._mark()

    def _mark(self) -> None:
        """What may have to be read again is undone from here."""
        if self._set.manifest is None:
            connection.mark(self.session)
            self._marked = True

    def choose(self) -> None:
        """Find the chosen rows, or the chosen collections in the backup. Raises NotFound, with the names there are."""
        if chosen := self.request.where:
            self.rows = chosen_rows.of(self.session.cursor, self.live.values(), chosen.column, chosen.texts)
        names = self.request.collections
        if names is None:
            return
        cursor, ownership, manifest = self.session.cursor, self.layout.owned, self._set.manifest
        listed = staging.stage(cursor, self.match(ownership.owner))
        self.fill(self.session, listed.source, None)
        staging.index(self.session, listed)
        absent = manifest.chosen_collections if manifest else None
        self.report.concerned(names)
        self.wanted = Owners(cursor, ownership, listed.table).pick(names, absent or ())
        staging.drop(cursor, listed)
        live = Owners(cursor, ownership, self.live.owner)
        if self.request.collection_suffix is None:
            live.expect_names_kept(names, self.wanted)
        if ownership.owner not in self.request.tables and not self.request.merges:
            live.expect_there(self.wanted)

    def match(self, name: str) -> Source:
        """A table's file, matched to the live table; only the chosen collections' rows of it."""
        live = self.live[name]
        dimensions = indexes.dimensions(self.session.cursor, live)
        matched = table_source.match(self._set, live, dimensions, self.dialect, allow_lossy=self.request.allow_lossy)
        wanted = None if self.wanted is None else frozenset(UUID(uuid).bytes for uuid in self.wanted)
        layout = replace(matched.layout, wanted=wanted, strip_nul=self.request.strip_nul)
        return replace(matched, layout=layout)

    def load(self, matched: Source, known_owners: Sequence[Table] | None = None) -> None:
        """Load one table. Owners go first, so the uuids that a row may name are all in these tables by then.

        known_owners: the live ones if absent. Without any they are not looked at.
        """
        self._load(matched, self.known(self.session, matched.name, known_owners))

    def _load(self, matched: Source, known: frozenset[bytes] | None) -> None:
        started = time.monotonic()
        try:
            loaded = self.fill(self.session, matched, known)
        except TriggerChangedRows as error:
            raise self.guard.changed(matched.name, error.rows) from None
        if matched.table == self.live[matched.name]:
            self._loaded.append(matched)
        if matched.name in self.request.tables:
            self.report.restored(matched, loaded, time.monotonic() - started)

    def known(self, session: Session, name: str, among: Sequence[Table] | None = None) -> frozenset[bytes] | None:
        """The owners that rows of a table may name: those in these tables, the live ones if absent; None for any."""
        ownership = self.layout.ownership
        if ownership is None or name != ownership.member or not self._checked or among == []:
            return None
        return owners.keys(session.cursor, among or [self.live.owner], ownership)

    def fill(self, session: Session, matched: Source, known: frozenset[bytes] | None) -> conversion.Loaded:
        """Load a file as it is, or convert it."""
        if matched.direct:
            return conversion.Loaded(copy_in.load(session, matched, known, self.engine.pool))
        scope = conversion.scope(matched, self.rows, Scope(self.request.collections, self.wanted))
        if matched.conversion and self.wanted is not None:
            known = None  # of the others, whose collections need not be there, the file is read too
        return conversion.load(session, matched, scope, known, self.engine.pool)

    def step(self, table: str | None = None) -> AbstractContextManager[None]:
        """What may fail for a reason of its own, of a table or of all: here that ends the restore."""
        return nullcontext()

    def read(
        self,
        compared: Sequence[str],
        direct: Sequence[str],
        *,
        among_live: bool,
        alone: bool = False,
        digests: bool = False,
    ) -> Incoming:
        """Stage the tables that are compared with the live ones, and match the others. Locks nothing.

        among_live: the owner of a staged row may be a live one. alone: a file that can't be read is left for its
        table's own turn. digests: rows may be digested as yet, for settle() to stage those that differ.
        """
        staged, matched = self.stage(compared, among_live=among_live, digests=digests), {}
        for name in direct:
            with suppress(InvalidBackup, NotFound) if alone else nullcontext():
                matched[name] = self.match(name)
        return Incoming(staged, matched)

    def stage(self, names: Sequence[str], *, among_live: bool, digests: bool) -> dict[str, Staged]:
        """Load tables into temporary ones, with a key, to be compared with the live ones."""
        empty: dict[str, Staged] = {}
        staged: dict[str, Staged] = {}
        for name in names:
            with self.step(name):
                empty[name] = staging.stage(self.session.cursor, self.match(name), self.request.conflict_key)
        for name, one in empty.items():
            with self.step(name):
                among = self._known_owners(staged, live=among_live or self.layout.owner not in names)
                known = self.known(self.session, name, among)
                self.stager.stage(one, known, self.rows, digests=digests and name != self.layout.owner)
                staged[name] = one
        return staged

    def settle(self, incoming: Incoming) -> Incoming:
        """Stage what was only digested, now that the live rows stay as they are."""
        staged = {}
        for name, one in incoming.staged.items():
            with self.step(name):
                staged[name] = self.stager.settle(one, self.rows, changing=bool(self.guard.firing))
        return replace(incoming, staged=staged)

    def _known_owners(self, staged: Mapping[str, Staged], *, live: bool) -> list[Table]:
        """Where the owner of a staged row may be: in what is staged, and in the live table."""
        if self.layout.ownership is None:
            return []
        found = [staged[self.layout.ownership.owner].table] if self.layout.ownership.owner in staged else []
        return [*found, self.live.owner] if live else found

    def secure(self, mode: LockMode | None) -> Scope:
        """Lock what will be written until the transaction ends.

        mode: the lock on all tables; of chosen collections only their rows are locked. None locks nothing unless a
        backup must not miss what others write. Returns what may be written.
        """
        if self._secured is None:
            self._secured = self._secure(mode)
            self._mark()
        return self._secured

    def _secure(self, mode: LockMode | None) -> Scope:
        if not self._locks(mode):
            return self.rows
        if self.request.collections is not None:
            return self.lock_owners(self.request.collections, self.wanted or [])
        tables.lock(self.session.cursor, self.live.schema, self.layout, mode or "SHARE ROW EXCLUSIVE")
        return self.rows

    def _locks(self, mode: LockMode | None) -> bool:
        return mode is not None or self.request.backup_before_restore

    def locking(self, mode: LockMode | None) -> dict[str, frozenset[str]]:
        """By table, the privileges that secure() needs."""
        if not self._locks(mode):
            return {}
        if self.request.collections is not None:
            return self.owner_privileges()
        return dict.fromkeys(self.layout.names, conflicts.LOCKING)

    def lock_owners(self, names: Sequence[str], uuids: Sequence[str] = ()) -> Scope:
        """Lock collections by name, and their embeddings if they are to be backed up."""
        rows = self.request.backup_before_restore
        if self.guard.disable:  # before any row: a writer that has the table already could wait for that row
            tables.lock(self.session.cursor, self.live.schema, self.layout, "SHARE ROW EXCLUSIVE", self.request.tables)
        return collections.lock(
            self.session.cursor, self.layout.owned, self.live, names, uuids, by_key=self._checked, rows=rows
        )

    def owner_privileges(self) -> dict[str, frozenset[str]]:
        """By table, the privileges that lock_owners() needs: to lock rows is to be able to update them."""
        members = frozenset({"UPDATE"}) if self.request.backup_before_restore else conflicts.LOCKING
        needs_members = self.request.backup_before_restore or not self._checked
        ownership = self.layout.owned
        return {ownership.owner: frozenset({"UPDATE"}), **({ownership.member: members} if needs_members else {})}

    def watch(self, names: Sequence[str]) -> None:
        """From here on, what triggers and rules of these tables do is found; or they are switched off."""
        self.guard.begin(names)

    def expect_none_lost(self, going: Sequence[Going]) -> None:
        """Raise DependentRows if rows of other tables refer to those that go; no such row can be added from now on."""
        references.expect_none_lost(self.session.cursor, self.live, going, lock=True)

    def back_up(self, scope: Scope) -> None:
        """Back up what is about to change, if that was asked for; a set that is read again changes nothing of it."""
        if self.request.backup_before_restore and self.report.safety_backup is None:
            self.report.safety_backup = safety_backup.take(self.engine, self.session, self.live, scope)

    def expect_rows(self, name: str, expected: int, scope: Scope) -> None:
        """Raise unless a live table holds exactly so many rows in scope."""
        found = tables.count(self.session.cursor, self.live[name], scope)
        if found != expected and self.guard.firing:
            raise self.guard.changed(name, abs(found - expected))
        if found != expected:
            raise copy_in.Miscounted(name, expected, found)

    def finish(self) -> None:
        """All is written: see to it that it is what the backup has, and that nothing else has changed."""
        self.session.enter("check")
        self.guard.settle()
        if self.guard.firing:
            for one in [*self.written, *map(self._read_again, self._loaded)]:
                self.guard.expect_equal(one)
        self._loaded.clear()
        self.guard.end()
        for warning in advance(self.session.cursor, self.guard.ours):
            self.report.warn(warning)

    def _read_again(self, matched: Source) -> Staged:
        """A file that was loaded into a live table, in a temporary one."""
        again = staging.stage(self.session.cursor, matched, prefix="again")
        counted, self.session.progress = self.session.progress, Uncounted(self.session.progress)
        try:
            self.fill(self.session, again.source, None)
        finally:
            self.session.progress = counted
        return again
