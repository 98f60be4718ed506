"""Can a set come back into the very tables it was taken from: known before a row of them goes."""

from collections import deque

from data_pipeline.vector import indexes, source, tables
from data_pipeline.vector.catalog import BackupSet
from data_pipeline.vector.connection import Session
from data_pipeline.vector.dialect import SetDialect
from data_pipeline.vector.loader import Reading
from data_pipeline.vector.naming import COLLECTION, EMBEDDING, TABLES
from data_pipeline.vector.progress import Uncounted
from data_pipeline.vector.tables import Table
from data_pipeline.vector.workers import WorkerPool


def expect_restorable(session: Session, backup_set: BackupSet, live: dict[str, Table], pool: WorkerPool) -> None:
    """Read a set back as a restore into its own tables would, to its last row; nothing is written.

    The session's locks keep the tables as they were saved. Raises InvalidBackup, OrphanRows or SchemaMismatch at the
    first that a restore would refuse; Cancelled.
    """
    session.enter("check")
    dimensions = indexes.dimensions(session.cursor, live[EMBEDDING])
    known = None
    if indexes.has_foreign_key(session.cursor, live):
        known = tables.collection_ids(session.cursor, [live[COLLECTION]])
    for name in TABLES:
        matched = source.match(backup_set, live[name], dimensions, SetDialect())
        collections = known if name == EMBEDDING else None
        deque(Reading(matched, collections, pool, Uncounted(session.progress)), maxlen=0)
