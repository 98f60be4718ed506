"""The tables that a backup is about: those of a layout, or what a database has of those that were asked for."""

from common.errors import SchemaMismatch
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.layouts.base import Layout
from data_pipeline.layouts.registry import LAYOUTS
from data_pipeline.operations.requests.backup import BackupRequest
from data_pipeline.postgres.connection import Session, transaction
from data_pipeline.postgres.schema import table_choice
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
    further = request.with_references
    if isinstance(names, list):
        return table_choice.layout_of(cursor, schema, request.layout, names, with_references=further)
    return table_choice.with_vectors(cursor, schema, request.layout, with_references=further)
