"""What a dump or a restore depends on: the server, the role, the language of the server's messages."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from psycopg2.sql import SQL, Identifier

from common.errors import ServiceError
from data_pipeline.postgres import connection
from data_pipeline.postgres.connection import Session

FACTS = """
SELECT current_setting('server_version_num')::int, current_setting('server_version'), current_database()::text,
       current_user::text, r.rolsuper, r.rolcreatedb, d.datdba = r.oid,
       pg_has_role(current_user, 'pg_execute_server_program', 'USAGE')
       OR pg_has_role(current_user, 'pg_write_server_files', 'USAGE')
       OR pg_has_role(current_user, 'pg_read_server_files', 'USAGE'),
       current_setting('lc_messages'), pg_encoding_to_char(d.encoding)::text,
       current_setting('max_locks_per_transaction')::bigint
       * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint)
FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()
"""
ENGLISH = re.compile(r"(C|POSIX|en)\b", re.IGNORECASE)
"""Of lc_messages: C.UTF-8 and en_US.utf8 too. An empty one stands for the environment of the server."""

AVAILABLE = "SELECT name::text FROM pg_available_extensions WHERE name = ANY (%s)"
PRESENT_EXTENSIONS = "SELECT extname::text FROM pg_extension"
SCHEMAS = "SELECT nspname::text FROM pg_namespace"
TABLESPACES = "SELECT spcname::text FROM pg_tablespace"
ROLES = "SELECT rolname::text FROM pg_roles WHERE rolname = ANY (%s)"


@dataclass(frozen=True)
class DatabaseFacts:
    """may_harm: whether what the role runs may reach beyond the database, by programs and files of the server.

    messages_known: whether errors of this server can be told apart by their texts. english_by_setting: that it takes
    lc_messages = C from this role. locks: how many the server can hold at a time.
    """

    version_number: int
    server_version: str
    database: str
    role: str
    superuser: bool
    may_create_databases: bool
    owns_database: bool
    may_harm: bool
    messages_known: bool
    english_by_setting: bool
    encoding: str
    locks: int

    @property
    def major(self) -> int:
        return self.version_number // 10000


def of(session: Session) -> DatabaseFacts:
    """Raises psycopg2.Error."""
    cursor = session.cursor
    cursor.execute(FACTS)
    number, version, database, role, superuser, may_create, owns, programs, language, encoding, locks = cursor.one()
    settable = _may_set_language(session)
    return DatabaseFacts(
        version_number=number,
        server_version=version,
        database=database,
        role=role,
        superuser=superuser,
        may_create_databases=superuser or may_create,
        owns_database=superuser or owns,
        may_harm=superuser or programs,
        messages_known=settable or bool(ENGLISH.match(language)),
        english_by_setting=settable,
        encoding=encoding,
        locks=locks,
    )


def install_extensions(session: Session, names: Collection[str]) -> None:
    """Those of the names that the server has. Raises psycopg2.Error."""
    missing = missing_extensions(session, names)
    for name in sorted(set(names) - set(missing)):
        statement = SQL("CREATE EXTENSION IF NOT EXISTS {} CASCADE").format(Identifier(name))
        session.cursor.in_own_path(statement.as_string(session.cursor))


def missing_extensions(session: Session, names: Collection[str]) -> list[str]:
    """Those that the server can't install."""
    session.cursor.execute(AVAILABLE, (list(names),))
    found = {name for (name,) in session.cursor.fetchall()}
    return sorted(set(names) - found)


def present_extensions(session: Session) -> frozenset[str]:
    return _names(session, PRESENT_EXTENSIONS)


def schemas(session: Session) -> frozenset[str]:
    return _names(session, SCHEMAS)


def tablespaces(session: Session) -> frozenset[str]:
    return _names(session, TABLESPACES)


def present_roles(session: Session, names: Collection[str]) -> frozenset[str]:
    """Those of the names that are roles of the server."""
    session.cursor.execute(ROLES, (list(names),))
    return frozenset(name for (name,) in session.cursor.fetchall())


def _names(session: Session, query: str) -> frozenset[str]:
    session.cursor.execute(query)
    return frozenset(name for (name,) in session.cursor.fetchall())


def _may_set_language(session: Session) -> bool:
    try:
        with connection.savepoint(session, "language"):
            session.cursor.execute("SET LOCAL lc_messages = 'C'")
    except ServiceError:  # a role that is no superuser may not
        return False
    return True
