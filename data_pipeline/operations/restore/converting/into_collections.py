"""Tables of PGVectorStore as LangChain's collections."""

from collections.abc import Sequence
from dataclasses import replace

from common.errors import InvalidParams, SchemaMismatch
from common.messages import say
from data_pipeline.layouts import vector_store
from data_pipeline.layouts.base import Column
from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.operations.restore.converting.direction import Direction, Step, columns
from data_pipeline.operations.restore.guard import Guard
from data_pipeline.operations.results.restore import Converted
from data_pipeline.postgres.converting import staged_set
from data_pipeline.postgres.converting.collections import Collections, Filled, StagedStore
from data_pipeline.postgres.schema import analyze


class IntoCollections(Direction):
    """A collection of each table that is chosen."""

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
        """By table the collection that the request says. Raises InvalidParams for other tables, or one twice."""
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


def _collected(filled: Filled) -> Converted:
    """A collection, as the answer shows it."""
    store = filled.store
    return Converted(
        collection=store.collection,
        table=store.staged.table.name,
        rows=filled.rows,
        dimensions=store.dimensions,
        metadata_columns=columns(filled.columns),
        id_column=store.roles.id,
        content_column=store.roles.content,
        embedding_column=store.roles.embedding,
        json_column=store.roles.metadata,
    )
