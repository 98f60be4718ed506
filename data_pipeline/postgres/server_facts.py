"""What a server and a role are, as far as backups and restores depend on it."""

from collections.abc import Sequence
from dataclasses import dataclass

from data_pipeline.layouts.base import Layout
from data_pipeline.postgres import server_identity
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.schema import tables

ROLE = """
SELECT has_database_privilege(current_database(), 'CREATE'), extract(epoch FROM clock_timestamp())::float8
"""


@dataclass(frozen=True)
class ServerFacts:
    """now: the server's clock, in seconds since 1970. missing: the layout's tables that aren't there."""

    database: str
    server_version: str
    pgvector_version: str | None
    may_create_schemas: bool
    now: float
    missing: Sequence[str]


def of(session: Session, layout: Layout) -> ServerFacts:
    """Raises psycopg2.Error."""
    cursor = session.cursor
    missing = [table.name for table in layout.tables if tables.find(cursor, session.schema, table) is None]
    versions = server_identity.versions(cursor)
    cursor.execute(ROLE)
    may_create, now = cursor.one()
    return ServerFacts(
        database=versions["database"],
        server_version=versions["server_version"],
        pgvector_version=versions["pgvector_version"] or None,
        may_create_schemas=may_create,
        now=now,
        missing=missing,
    )
