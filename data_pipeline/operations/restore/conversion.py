"""A set restored as another layout: LangChain's collections as tables of PGVectorStore, and back. One transaction.

The set is staged in temporary tables of its own types, and written from there. Everything that is written is new:
rows that are there stay as they are. A dry run takes the same steps, but for indexes and for rows in live
tables, and is rolled back.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from common.errors import InvalidParams, SchemaMismatch
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.layouts import vector_store
from data_pipeline.layouts.base import Column, Layout
from data_pipeline.layouts.registry import DOCUMENTED, OPEN
from data_pipeline.operations.requests.into import Into
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.dry_run_report import DryRunReport
from data_pipeline.operations.restore.guard import Guard
from data_pipeline.operations.restore.report import Report
from data_pipeline.operations.results.restore import Converted, ConvertedColumn
from data_pipeline.postgres import connection, writer_lock
from data_pipeline.postgres.connection import Session, transaction
from data_pipeline.postgres.converting import staged_set
from data_pipeline.postgres.converting.collections import Collections, Filled, StagedStore
from data_pipeline.postgres.converting.metadata import ColumnCounts
from data_pipeline.postgres.converting.staged_set import StagedTable
from data_pipeline.postgres.converting.stores import Collection, Store, Stores
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.schema import analyze, ddl, ddl_types, tables
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.writing.collections import absent
from data_pipeline.sets.catalog import BackupSet
from data_pipeline.sets.dialect import SetDialect, rereading
from data_pipeline.sets.table_facts import IndexFact

Step = Callable[[], AbstractContextManager[None]]


class Conversion:
    """One set into one database as another layout. Raises ServiceError; then nothing was changed."""

    def __init__(self, engine: Engine, backup_set: BackupSet, request: RestoreOptions, into: Into) -> None:
        self._engine = engine
        self._set = backup_set
        self._request = request
        self._into = into
        self._marked = False

    def expect_possible(self) -> None:
        """Raise InvalidParams for a set that is of the layout already."""
        expect_other(self._set.layout, self._into)

    def run(self, target: Target, progress: Progress = SILENT) -> Report:
        """Do it, and say what was done. Raises Cancelled once `progress` says so."""
        report = Report(self._set, replaced=False)
        progress.expect_bytes(sum(file.size for file in self._set.files.values()))
        with transaction(target, self._engine.timeouts, progress=progress) as session:
            self._convert(session, report, nullcontext, dry=False)
        return report

    def plan(self, target: Target, progress: Progress = SILENT) -> DryRunReport:
        """Find out what run() would do, and every problem."""
        planned = DryRunReport(Report(self._set, replaced=False))
        progress.expect_bytes(sum(file.size for file in self._set.files.values()))
        with transaction(target, self._engine.timeouts, progress=progress) as session:
            with planned.noting(session):
                self._convert(session, planned.report, lambda: planned.noting(session), dry=True)
            connection.undo(session)
        return planned

    def _convert(self, session: Session, report: Report, step: Step, *, dry: bool) -> None:
        self.expect_possible()
        self._marked = False
        session.ours = DOCUMENTED.relations(session.schema)
        if dry:
            writer_lock.expect_free(session.cursor)
        else:
            writer_lock.take(session.cursor)
        tables.expect_database(session.cursor, self._request.expect_database)
        extension = ddl_types.extension_schema(session.cursor) is None
        if extension:
            ddl.create_extension(session.cursor, session.schema)
        report.made(extension=extension)
        dialect = SetDialect(self._request.dialect)
        staged = rereading(lambda: self._stage(session, dialect), session.progress)
        for warning in dialect.warnings():
            report.warn(warning)
        kind = _IntoStores if self._into.layout == "pgvectorstore" else _IntoCollections
        kind(self._engine, self._set, self._request, self._into, session, report, staged).convert(step, dry=dry)

    def _stage(self, session: Session, dialect: SetDialect) -> dict[str, StagedTable]:
        names = self._set.layout.names
        if self._marked:  # what the files told of their dialect is known by now, and what was read is undone
            connection.return_to_mark(session)
        elif self._set.manifest is None:
            connection.mark(session)
            self._marked = True
        return staged_set.stage(session, self._set, names, dialect, self._engine.pool, self._request.strip_nul)


def expect_other(layout: Layout, into: Into) -> None:
    """Raise InvalidParams unless a set of this layout can be made into the one that is asked for."""
    fits = layout.family in OPEN if into.layout == DOCUMENTED.family else layout.family == DOCUMENTED.family
    if not fits:
        text = say("into_not_from", layout=layout.family, into=into.layout)
        raise InvalidParams(text, details={"field": "into"})


class _Direction(ABC):
    """What both ways have."""

    def __init__(
        self,
        engine: Engine,
        backup_set: BackupSet,
        request: RestoreOptions,
        into: Into,
        session: Session,
        report: Report,
        staged: dict[str, StagedTable],
    ) -> None:
        self.memory = engine.settings.index_memory
        self.backup_set = backup_set
        self.request = request
        self.into = into
        self.session = session
        self.report = report
        self.staged = staged

    @abstractmethod
    def convert(self, step: Step, *, dry: bool) -> None:
        """Write all of it; dry: what leaves no trace once it is rolled back, and no index."""

    def indexes(self, table: str) -> Sequence[IndexFact]:
        """Those that a table of the set had, as far as it is known."""
        return self.backup_set.manifest.tables[table].indexes if self.backup_set.manifest else ()

    def expect_named(self, present: Sequence[str]) -> None:
        """Raise NotFound for collections that the request names and the set doesn't have."""
        named = [*(self.request.collections or ()), *(self.into.tables or ())]
        if unknown := [name for name in dict.fromkeys(named) if name not in present]:
            raise absent(unknown, present)


class _IntoStores(_Direction):
    def convert(self, step: Step, *, dry: bool) -> None:
        ownership, conversion = self.backup_set.layout.owned, self.backup_set.layout.conversions[0]
        members = self.staged[ownership.member]
        stores = Stores(self.session, self.staged[ownership.owner], members, conversion, self.into.columns)
        collections = stores.collections()
        self.expect_named([one.name for one in collections if one.name is not None])
        wanted = self.request.collections
        chosen = [one for one in collections if wanted is None or one.name in wanted]
        places = self._places(chosen)
        self._warn(stores, chosen)
        made: list[Store] = []
        for one in chosen:
            with step():
                stores.expect_fitting(one)
                made.append(stores.make(one, *places[one.uuid]))
                self.report.converted(_stored(made[-1]), members.source, made[-1].seconds)
        for store in made if not dry else ():
            self.report.made(indexes=stores.finish(store, self.indexes(ownership.member), self.memory))
        self.report.made(tables=[store.table.name for store in made])

    def _places(self, chosen: Sequence[Collection]) -> dict[str, tuple[str, str]]:
        """By uuid the schema and the name of the table. Raises InvalidParams where two would be one."""
        given, found = self.into.tables or {}, {}
        for one in chosen:
            place = given.get(one.name) if one.name is not None else None
            schema, dot, name = (place or "").partition(".")
            default = (self.session.schema, place or vector_store.table_name(one.name, one.uuid))
            found[one.uuid] = (schema, name) if dot else default
        for one in chosen:
            meeting = [other.name or other.uuid for other in chosen if found[other.uuid] == found[one.uuid]]
            if len(meeting) > 1:
                text = say("into_tables_meet", collections=", ".join(meeting), table=".".join(found[one.uuid]))
                raise InvalidParams(text, details={"field": "into.tables", "collections": meeting})
        return found

    def _warn(self, stores: Stores, chosen: Sequence[Collection]) -> None:
        if unconverted := stores.unconverted():
            self.report.warn(say("into_columns_left", columns=", ".join(unconverted)))
        if stores.orphans and self.request.collections is None:
            self.report.warn(say("restore_left_out_orphans", rows=stores.orphans))
        for one in chosen:
            name = one.name or one.uuid
            if one.described:
                self.report.warn(say("into_description_left", collection=name))
            if one.dimensions is None and not one.without_embedding:
                self.report.warn(say("into_without_dimensions", collection=name))


class _IntoCollections(_Direction):
    def convert(self, step: Step, *, dry: bool) -> None:
        stores = self._stores()
        collections = Collections(self.session, DOCUMENTED, stores)
        live = collections.prepare()
        self.report.made(tables=collections.made)
        guard = Guard(self.session, live, self.report, disable=False)
        if dry:
            guard.look(live.layout.names)
        else:
            guard.begin(live.layout.names)
        with step():
            collections.expect_free(live)
        filled = [collections.count(one) if dry else collections.fill(live, one) for one in stores]
        for one in filled:
            self.report.converted(_collected(one), one.store.staged.source, one.seconds)
        if dry:
            return
        guard.settle()
        for store in stores if guard.firing else ():
            collections.expect_equal(live, store, list(map(str, guard.firing)))
        guard.expect_written(live.owner.name, len(stores), 0, 0)
        guard.expect_written(live.members.name, sum(one.rows for one in filled), 0, 0)
        guard.end()
        self.report.made(indexes=collections.index(live, self.memory))
        for table in live.values():
            analyze.refresh(self.session.cursor, table)

    def _stores(self) -> list[StagedStore]:
        by_table = self._names()
        found = []
        for name in self.request.tables or self.backup_set.layout.names:
            layout = self.backup_set.layout[name]
            facts = staged_set.columns_of(self.backup_set, name)
            columns = tuple(Column(fact.name, fact.type, fact.not_null) for fact in facts)
            roles = vector_store.roles(replace(layout, columns=columns))
            if roles is None:
                text = say("into_not_a_store", table=name)
                raise SchemaMismatch(text, can_retry=False, details={"table": name})
            for column in roles.search:
                self.report.warn(say("into_search_column_left", table=name, column=column))
            collection = by_table.get(name, layout.relation)
            found.append(StagedStore(self.staged[name], roles, collection, self.indexes(name)))
        self._expect_apart(found)
        return found

    def _names(self) -> dict[str, str]:
        """By table the collection that the request says. Raises InvalidParams, NotFound for other tables."""
        layout = self.backup_set.layout
        short = {table.relation: table.name for table in layout.tables}
        given = {name: short.get(name, name) for name in (self.into.tables or {}).values()}
        layout.in_order([given[name] for name in (self.into.tables or {}).values()] or list(layout.names))
        return {given[table]: collection for collection, table in (self.into.tables or {}).items()}

    @staticmethod
    def _expect_apart(stores: Sequence[StagedStore]) -> None:
        for one in stores:
            meeting = [other.staged.table.name for other in stores if other.collection == one.collection]
            if len(meeting) > 1:
                text = say("into_collections_meet", tables=", ".join(meeting), collection=one.collection)
                raise InvalidParams(text, details={"field": "into.tables", "tables": meeting})


def _stored(store: Store) -> Converted:
    """A table, as the answer shows it."""
    one = store.collection
    return Converted(
        collection=one.name,
        table=store.table.name,
        rows=one.rows,
        dimensions=one.dimensions,
        id_type=store.id_type,
        texts_filled=one.without_text or None,
        metadata_columns=_columns(store.columns),
    )


def _collected(filled: Filled) -> Converted:
    """A collection, as the answer shows it."""
    store = filled.store
    return Converted(
        collection=store.collection,
        table=store.staged.table.name,
        rows=filled.rows,
        dimensions=store.dimensions,
        metadata_columns=_columns(filled.columns),
        id_column=store.roles.id,
        content_column=store.roles.content,
        embedding_column=store.roles.embedding,
        json_column=store.roles.metadata,
    )


def _columns(counts: Sequence[ColumnCounts]) -> dict[str, ConvertedColumn] | None:
    return {
        one.name: ConvertedColumn(
            type=one.type,
            converted=one.converted,
            changed=one.changed,
            missing=one.missing,
            not_convertible=one.not_convertible,
        )
        for one in counts
    } or None
