"""TableList: what tables a database has, and which of them can be backed up, as what."""

from collections.abc import Iterable, Mapping

from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.layouts import recognise, tables
from data_pipeline.operations.results import tables as results
from data_pipeline.operations.results.result import Target
from data_pipeline.operations.results.tables import ListedTable, ListedTables, TablesSummary
from data_pipeline.postgres.connection import transaction
from data_pipeline.postgres.discovery import relations
from data_pipeline.postgres.discovery.relations import Relation


class TableList:
    """Lists tables. Every method raises ServiceError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def scan(self, target: str | None = None) -> ListedTables:
        """By schema and name. target: one of TARGETS, by name; the database of requests that name none if absent."""
        where = self._engine.databases.named(target)
        with transaction(where, self._engine.timeouts, snapshot=True, read_only=True) as session:
            found = relations.find(session)
        known = recognise.recognise(one.shape for one in found if one.is_table)
        own = where.schema if _are_plain(found, known, where.schema) else None
        listed = [_table(one, known.get((one.schema, one.name)), own) for one in found]
        with_vectors = sum(bool(one.vectors) for one in listed)
        return ListedTables(
            response=say("tables_found", tables=len(listed), vectors=with_vectors),
            tables=listed,
            summary=TablesSummary(
                tables=len(listed),
                with_vectors=with_vectors,
                impossible=sum(not one.can_be_backed_up for one in listed),
            ),
            target=Target.of(where),
            warnings=list(where.notes) or None,
        )


def _are_plain(found: Iterable[Relation], known: Mapping[tuple[str | None, str], str], schema: str) -> bool:
    """Whether those tables of a schema that LangChain has made are as it makes them: without partitions."""
    of_langchain = {
        place for place, known_as in known.items() if recognise.LAYOUTS.get(known_as) == recognise.LANGCHAIN
    }
    return all(one.plain for one in found if one.schema == schema and (one.schema, one.name) in of_langchain)


def _layout(table: Relation, known_as: str | None, own: str | None) -> str:
    """What a backup takes it as; own: the schema in which it finds LangChain's two tables, None for none."""
    layout = recognise.LAYOUTS.get(known_as or "", tables.FAMILY)
    return tables.FAMILY if layout == recognise.LANGCHAIN and table.schema != own else layout


def _table(table: Relation, known_as: str | None, own: str | None) -> ListedTable:
    return ListedTable(
        schema_=table.schema,
        name=table.name,
        kind=table.kind,
        layout=_layout(table, known_as, own),
        recognised_as=known_as,
        can_be_backed_up=table.why_not is None,
        why_not=table.why_not,
        notes=list(table.notes) or None,
        rows=table.rows,
        bytes=table.bytes,
        columns=[
            results.ListedColumn(name=one.name, type=one.shown, not_null=one.not_null, filled_by=one.by_itself)
            for one in table.columns
        ],
        vectors=[
            results.ListedVector(column=one.name, type=one.vector.type, dimensions=one.vector.dimensions)
            for one in table.columns
            if one.vector
        ],
        primary_key=list(table.primary_key),
        indexes=[_index(one) for one in table.indexes],
        references=[
            results.ListedReference(
                name=one.name,
                columns=list(one.columns),
                table=one.table,
                referenced_columns=list(one.referenced),
            )
            for one in table.references
        ],
        triggers=[results.ListedTrigger(name=one.name, enabled=one.enabled) for one in table.triggers],
        sequences=[results.ListedSequence(name=one.name, column=one.column) for one in table.sequences],
        partitions=list(table.partitions) if table.kind == "partitioned" else None,
        inherits=list(table.parents) or None,
    )


def _index(index: relations.Index) -> results.ListedIndex:
    return results.ListedIndex(
        name=index.name,
        method=index.method,
        columns=list(index.columns),
        operator_classes=list(index.operator_classes),
        options=dict(index.options),
        unique=index.unique,
        primary=index.primary,
        partial=index.partial,
        valid=index.valid,
    )
