"""Databases made, renamed and dropped: from a maintenance connection, since none can be done to one's own."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace

import psycopg2
from psycopg2.errors import ObjectInUse
from psycopg2.sql import SQL, Composable, Identifier, Literal

from common.errors import DatabaseError, LockTimeout
from common.messages import say
from data_pipeline.postgres import sqlstate
from data_pipeline.postgres.connection import Session, transaction
from data_pipeline.postgres.link.line import Asking, Line
from data_pipeline.postgres.link.wire import Timeouts, connect, leave
from data_pipeline.postgres.target import Target

MAINTENANCE = ("postgres", "template1")
LONGEST_NAME = 63
SWAP_PAUSE = 0.1

EXISTS = "SELECT 1 FROM pg_database WHERE datname = %s"
DESCRIBED = """
SELECT pg_get_userbyid(datdba)::text, pg_encoding_to_char(encoding)::text, datcollate::text, datctype::text,
       to_jsonb(d) ->> 'datlocprovider', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
       datconnlimit, shobj_description(oid, 'pg_database'), (
           SELECT spcname::text FROM pg_tablespace t
           WHERE t.oid = d.dattablespace AND has_tablespace_privilege(t.oid, 'CREATE'))
FROM pg_database d WHERE datname = %s
"""
SETTINGS = """
SELECT unnest(s.setconfig)::text FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
WHERE d.datname = %s AND s.setrole = 0
"""
PRIVILEGES = """
SELECT CASE a.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(a.grantee)::text END, a.privilege_type::text, a.is_grantable
FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
WHERE d.datname = %s AND a.grantee <> d.datdba
"""
END_SESSIONS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True)
class Described:
    """What a database is made with. provider: "c", "i" or "b"; None on servers that have no choice. tablespace: None
    where the role may make nothing there."""

    owner: str
    encoding: str
    collate: str
    ctype: str
    provider: str | None
    locale: str | None
    connections: int
    comment: str | None
    tablespace: str | None


def maintenance(target: Target, timeouts: Timeouts, *, read_only: bool = False) -> AbstractContextManager[Session]:
    """A transaction in another database of the server. Raises DatabaseError where there is none to be had."""
    return transaction(_reachable(target, timeouts), timeouts, read_only=read_only)


def run(target: Target, timeouts: Timeouts, *statements: Composable) -> None:
    """Statements that no transaction may hold, in a maintenance connection. Raises ServiceError."""
    line = _connected(target, timeouts)
    try:
        line.autocommit = True
        cursor = line.cursor(cursor_factory=Asking)
        for statement in statements:
            cursor.execute(statement)
    except psycopg2.Error as error:
        raise sqlstate.translate(error, "prepare", bool(line.closed)) from None
    finally:
        leave(line)


def exists(session: Session, name: str) -> bool:
    session.cursor.execute(EXISTS, (name,))
    return session.cursor.fetchone() is not None


def describe(session: Session, name: str) -> Described:
    session.cursor.execute(DESCRIBED, (name,))
    return Described(*session.cursor.one())


def create_owned(target: Target, timeouts: Timeouts, name: str, owner: str) -> None:
    """An empty database, and the role that it belongs to: it is no superuser, and logs in as the caller does."""
    run(
        target,
        timeouts,
        SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(Identifier(owner), Literal(target.password)),
        SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(Identifier(name), Identifier(owner)),
    )


def finish(session: Session, name: str, like: Described, source: str) -> None:
    """Give a database what else another one has: its privileges, settings, limit of connections and comment."""
    cursor = session.cursor
    cursor.execute(PRIVILEGES, (source,))
    statements: list[Composable] = [SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(Identifier(name))]
    for grantee, privilege, grantable in cursor.fetchall():
        to = Identifier(grantee) if grantee else SQL("PUBLIC")
        more = SQL(" WITH GRANT OPTION") if grantable else SQL("")
        statements.append(SQL("GRANT {} ON DATABASE {} TO {}{}").format(SQL(privilege), Identifier(name), to, more))
    cursor.execute(SETTINGS, (source,))
    for (setting,) in cursor.fetchall():
        variable, _, value = setting.partition("=")
        parts = map(Identifier, variable.split("."))
        statements.append(
            SQL("ALTER DATABASE {} SET {} = {}").format(Identifier(name), SQL(".").join(parts), _value(variable, value))
        )
    statements.append(SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(Identifier(name), Literal(like.connections)))
    statements.append(comment(name, like.comment))
    for statement in statements:
        cursor.in_own_path(statement.as_string(cursor))


def drop(target: Target, timeouts: Timeouts, name: str) -> None:
    """With every session in it. Raises ServiceError."""
    with maintenance(target, timeouts) as session:
        session.cursor.execute(END_SESSIONS, (name,))
    run(target, timeouts, SQL("DROP DATABASE IF EXISTS {}").format(Identifier(name)))


def swap(
    target: Target, timeouts: Timeouts, *, live: str, new: str, before: str, finish: Callable[[Session], None]
) -> None:
    """Let a database take another one's place, which gets a further name: both, or neither.

    finish: what belongs to the same transaction. Sessions in either are ended; one that comes back in between is ended
    again. Raises LockTimeout, ServiceError.
    """
    deadline = time.monotonic() + max(timeouts.lock, 1)
    while not _swapped(target, timeouts, {live: before, new: live}, finish):
        if time.monotonic() > deadline:
            raise LockTimeout(say("swap_sessions_remain", database=live), can_retry=True)
        time.sleep(SWAP_PAUSE)


def _swapped(target: Target, timeouts: Timeouts, names: Mapping[str, str], finish: Callable[[Session], None]) -> bool:
    """Whether no session was left in either database."""
    with suppress(_InUse), maintenance(target, timeouts) as session:
        for name in names:
            session.cursor.execute(END_SESSIONS, (name,))
        finish(session)
        try:
            for name, to in names.items():
                session.cursor.execute(_rename(name, to))
        except ObjectInUse:
            raise _InUse from None
        return True
    return False


class _InUse(Exception):
    """There is a session in a database that was to be renamed."""


def named_like(base: str, what: str, timestamp: str) -> str:
    """`{base}_{what}_{timestamp}`, the base cut where the whole would be too long."""
    tail = f"_{what}_{timestamp}"
    kept = base.encode()[: LONGEST_NAME - len(tail)].decode("utf-8", "ignore")
    return f"{kept}{tail}"


def _connected(target: Target, timeouts: Timeouts) -> Line:
    return connect(_reachable(target, timeouts), timeouts)


def _reachable(target: Target, timeouts: Timeouts) -> Target:
    """The first of the maintenance databases that lets the role in, or else the last."""
    first, last = (replace(target, dbname=name) for name in MAINTENANCE)
    try:
        leave(connect(first, timeouts))
    except DatabaseError:
        return last
    return first


def _rename(name: str, to: str) -> Composable:
    return SQL("ALTER DATABASE {} RENAME TO {}").format(Identifier(name), Identifier(to))


def comment(name: str, text: str | None) -> Composable:
    return SQL("COMMENT ON DATABASE {} IS {}").format(Identifier(name), Literal(text))


LISTS = frozenset({"search_path", "temp_tablespaces", "session_preload_libraries", "local_preload_libraries"})


def _value(variable: str, value: str) -> Composable:
    """As ALTER DATABASE takes it: a list keeps its quotes, one of names would become a single name."""
    return SQL(value) if variable in LISTS and value else Literal(value)  # as the server itself has printed it
