"""Whether the connected database is one that the request means."""

from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.postgres import server_identity
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.schema import tables
from data_pipeline.sets.backup_set import BackupSet


def expect_meant(session: Session, backup_set: BackupSet, request: RestoreOptions) -> None:
    """Raise SchemaMismatch for one of another name, or for the backup's own, where that is refused."""
    tables.expect_database(session.cursor, request.expect_database)
    if request.refuse_source:
        manifest = backup_set.manifest
        server, database = (manifest.server, manifest.database) if manifest else (None, None)
        server_identity.expect_other(session, server, database)
