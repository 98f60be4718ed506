"""Can a set come back into the very tables it was taken from: known before a row of them goes."""

from collections import deque

from data_pipeline.formats.worker_pool import WorkerPool
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.progress import Uncounted
from data_pipeline.postgres.schema import indexes, tables
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.writing.copy_in import Reading
from data_pipeline.sets import table_source
from data_pipeline.sets.catalog import BackupSet
from data_pipeline.sets.dialect import SetDialect
from data_pipeline.storage.naming import COLLECTION, EMBEDDING, TABLES


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
        matched = table_source.match(backup_set, live[name], dimensions, SetDialect())
        collections = known if name == EMBEDDING else None
        deque(Reading(matched, collections, pool, Uncounted(session.progress)), maxlen=0)
