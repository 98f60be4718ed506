"""LangChain's collections as tables of PGVectorStore."""

from collections.abc import Sequence

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.layouts import vector_store
from data_pipeline.operations.restore.converting.direction import Direction, Step, columns
from data_pipeline.operations.results.restore import Converted
from data_pipeline.postgres.converting.stores import Collection, Store, Stores


class IntoStores(Direction):
    """A table of each collection that is chosen."""

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
        metadata_columns=columns(store.columns),
    )
