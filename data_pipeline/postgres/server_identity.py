"""Which server and which database it is: so that two of the same name are told apart, and for the manifest."""

from contextlib import suppress

from common.errors import SchemaMismatch, ServiceError
from common.messages import say
from data_pipeline.postgres import connection
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.target import digest_of, server_digest

READABLE = """
SELECT pg_catalog.has_function_privilege(pg_catalog.to_regprocedure('pg_catalog.pg_control_system()'), 'EXECUTE')
"""
VERSIONS = """
SELECT current_setting('server_version'),
       coalesce((SELECT extversion FROM pg_extension WHERE extname = 'vector'), ''), current_database()::text
"""
IDENTIFIER = "SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()"


def expect_other(session: Session, server: str | None, database: str | None) -> None:
    """Raise SchemaMismatch unless this is certainly another database than the one of that name on that server.

    server: what of() said of it; None where that isn't known. A server whose own identifier can't be read, and a copy
    of a whole server, may be the same: for a database of the same name that is a refusal.
    """
    found = versions(session.cursor)["database"]
    if database is not None and found != database:
        return
    identifier = _system_identifier(session)
    known = None not in (server, database, identifier)
    if not known or server in (digest_of(["system", str(identifier)]), _by_place(session)):
        raise SchemaMismatch(say("database_is_the_source"), can_retry=False, details={"database": found})


def of(session: Session) -> str:
    """A digest of the system identifier that initdb gave the server; where it can't be read, of host and port.

    A standby has its primary's identifier, however either is reached.
    """
    identifier = _system_identifier(session)
    if identifier is not None:
        return digest_of(["system", identifier])
    return _by_place(session)


def _by_place(session: Session) -> str:
    info = session.cursor.connection.info
    return server_digest(info.host, info.port)


def versions(cursor: Cursor) -> dict[str, str]:
    """The server's and pgvector's versions, and the database's name."""
    cursor.execute(VERSIONS)
    return dict(zip(("server_version", "pgvector_version", "database"), cursor.one(), strict=True))


def _system_identifier(session: Session) -> str | None:
    cursor = session.cursor
    cursor.execute(READABLE)
    if not cursor.value():
        return None
    with suppress(ServiceError), connection.savepoint(session, "identity"):  # a managed server may refuse the call
        cursor.execute(IDENTIFIER)
        found: str | None = cursor.value()
        return found
    return None
