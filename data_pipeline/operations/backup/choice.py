"""The tables that a backup is about: those of a layout, or what a database has of those that were asked for."""

from common.errors import SchemaMismatch
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.layouts import tables
from data_pipeline.layouts.base import Layout
from data_pipeline.layouts.recognise import recognise
from data_pipeline.layouts.registry import LAYOUTS
from data_pipeline.operations.requests.backup import BackupRequest
from data_pipeline.postgres.connection import Session, transaction
from data_pipeline.postgres.discovery import relations
from data_pipeline.postgres.schema import table_choice
from data_pipeline.postgres.schema.tables import database
from data_pipeline.postgres.target import Target


def found(engine: Engine, target: Target, request: BackupRequest) -> Layout:
    """The layout to lock, found in a transaction of its own: a snapshot that is older than a lock can miss rows."""
    if not request.any_tables:
        return LAYOUTS[request.layout]
    with transaction(target, engine.timeouts, read_only=True) as session:
        return _chosen(session, request)


def again(session: Session, request: BackupRequest, locked: Layout) -> Layout:
    """The same once its tables are locked. Raises SchemaMismatch if they aren't those that were locked."""
    if not request.any_tables:
        return locked
    now = _chosen(session, request)
    if set(now.names) != set(locked.names):
        raise SchemaMismatch(say("tables_changed_meanwhile"), can_retry=True)
    return now


def _chosen(session: Session, request: BackupRequest) -> Layout:
    cursor, schema, names = session.cursor, session.schema, request.named_tables
    if request.layout == tables.PGVECTORSTORE:
        names = _vector_stores(session, names if isinstance(names, list) else None)
    further = request.with_references
    if isinstance(names, list):
        return table_choice.layout_of(cursor, schema, request.layout, names, with_references=further)
    return table_choice.with_vectors(cursor, schema, request.layout, with_references=further)


def _vector_stores(session: Session, names: list[str] | None) -> list[str]:
    """The tables of PGVectorStore that were chosen, or all. Raises SchemaMismatch for a table of another shape, and if
    there is none at all."""
    shapes = [one.shape for one in relations.find(session) if one.is_table]
    known = recognise(shapes)
    stores = [shape for shape in shapes if known.get((shape.schema, shape.relation)) == tables.PGVECTORSTORE]
    if names is None and stores:
        return [f"{store.schema}.{store.relation}" for store in stores]
    if names is None:
        raise SchemaMismatch(say("no_vector_stores", database=database(session.cursor)), can_retry=False)
    others = [shape for shape in shapes if shape not in stores]
    called = {other.name for other in others} | {other.relation for other in others if other.schema == session.schema}
    for name in names:
        if name in called:
            text = say("table_unfit", table=name, reason=say("is_no_vector_store"))
            raise SchemaMismatch(text, can_retry=False, details={"table": name})
    return names
