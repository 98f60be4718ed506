"""Databases that are filled beside a live one: how they are told from others, and removed where a restore was killed.

CREATE DATABASE is no part of a transaction, so what says that a database is ours has to come with it: a limit of
connections that has no other use. A comment follows, which names the live database. Both go in the transaction that
makes the database a finished one, and what has neither of them, or another name, is never dropped.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg2.sql import SQL, Identifier, Literal

from common.errors import OperationInProgress, ServiceError
from common.messages import say
from data_pipeline.postgres import connection
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.link.wire import Timeouts
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.whole import databases
from data_pipeline.postgres.whole.databases import Described

KEY = 0x76656366
""""vecf". The other half of the lock is the live database's name."""

COMMENT = "vector-restore, not finished: "
"""What the comment begins with; the name of the live database follows."""

CONNECTIONS = 1_986_356_070
"""The limit of connections that CREATE DATABASE gives it: a kill may come before its comment."""

DROPPED = -2
"""What DROP DATABASE puts there as it begins: one that was cut short has left a database that can only be dropped."""

NEW = "new"
log = logging.getLogger(__name__)

LOCK = "SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))"
MARKED = """
SELECT datname::text, shobj_description(oid, 'pg_database') FROM pg_database
WHERE (starts_with(shobj_description(oid, 'pg_database'), %s)
       OR shobj_description(oid, 'pg_database') IS NULL AND datconnlimit = ANY (%s))
  AND pg_has_role(datdba, 'USAGE') AND datname <> current_database()
"""


@contextmanager
def filling(target: Target, timeouts: Timeouts, live: str) -> Iterator[Session]:
    """Keep others from filling a database for this one, and from removing what is unfinished, while the block runs.

    Raises OperationInProgress at once, ServiceError.
    """
    with databases.maintenance(target, timeouts, read_only=True) as session:
        session.cursor.execute(LOCK, (KEY, live))
        if not session.cursor.value():
            raise OperationInProgress(say("writer_in_progress"), can_retry=True)
        connection.may_idle(session)
        yield session


def create(target: Target, timeouts: Timeouts, name: str, like: Described, live: str) -> None:
    """An empty database with another one's owner, encoding, locale and, if the role may, tablespace."""
    options = [
        SQL("TEMPLATE template0 OWNER {} ENCODING {} LC_COLLATE {} LC_CTYPE {} CONNECTION LIMIT {}").format(
            Identifier(like.owner),
            Literal(like.encoding),
            Literal(like.collate),
            Literal(like.ctype),
            Literal(CONNECTIONS),
        )
    ]
    if like.provider in ("i", "b"):
        kind = {"i": SQL("icu"), "b": SQL("builtin")}[like.provider]
        word = {"i": SQL("ICU_LOCALE"), "b": SQL("BUILTIN_LOCALE")}[like.provider]
        options.append(SQL("LOCALE_PROVIDER {} {} {}").format(kind, word, Literal(like.locale)))
    if like.tablespace:
        options.append(SQL("TABLESPACE {}").format(Identifier(like.tablespace)))
    databases.run(
        target,
        timeouts,
        SQL("CREATE DATABASE {} {}").format(Identifier(name), SQL(" ").join(options)),
        databases.comment(name, f"{COMMENT}{live}"),
    )


def found(session: Session, live: str) -> list[str]:
    """The unfinished databases of a live one that the role may drop."""
    session.cursor.execute(MARKED, (COMMENT, [CONNECTIONS, DROPPED]))
    return [name for name, comment in session.cursor.fetchall() if _is_of(name, comment, live)]


def remove(target: Target, timeouts: Timeouts, live: str) -> list[str]:
    """Drop what restores that were killed have left; returns the names.

    Raises OperationInProgress while a restore is filling one, ServiceError. Where there is nothing, none is kept away.
    """
    with databases.maintenance(target, timeouts, read_only=True) as session:
        if not found(session, live):
            return []
    with filling(target, timeouts, live) as session:
        return remove_held(session, target, timeouts, live)


class Unfinished:
    """Those of a service that could not be removed when their restore ended: the server was away, or not done yet."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._owed: dict[tuple[str, str], Target] = {}

    def remove(self, target: Target, timeouts: Timeouts, live: str) -> list[str]:
        """As remove(), now or once it is possible; returns the names that are gone. Raises nothing."""
        key = (target.digest, live)
        try:
            names = remove(target, timeouts, live)
        except ServiceError as error:
            with self._guard:
                known = key in self._owed
                if error.data.get("can_retry"):
                    self._owed[key] = target
            if not known:
                log.warning("an unfinished database may be left beside %s: %s", live, error.error_type)
            return []
        if names:
            log.warning("removed what an interrupted restore left behind: %s", ", ".join(names))
        with self._guard:
            self._owed.pop(key, None)
        return names

    def settle(self, timeouts: Timeouts) -> None:
        """Remove what is owed, as far as it is possible now. Raises nothing."""
        with self._guard:
            owed = dict(self._owed)
        for (_, live), target in owed.items():
            self.remove(target, timeouts, live)


def remove_held(session: Session, target: Target, timeouts: Timeouts, live: str) -> list[str]:
    """The same for a session of filling()."""
    names = found(session, live)
    for name in names:
        databases.drop(target, timeouts, name)
    return names


def _is_of(name: str, comment: str | None, live: str) -> bool:
    """Its name says so as well: one that was given another is its user's own by now."""
    _, _, timestamp = name.rpartition(f"_{NEW}_")
    return name == databases.named_like(live, NEW, timestamp) and comment in (None, f"{COMMENT}{live}")
