"""The node by which a restore in batches is known: renewed with each, and what tells the next restore how it ended.

As long as it is renewed a process is at work. One that has run out was left by a process that was killed: while it was
loading, what it made goes; once it had begun to finish, the rest of that is done.
"""

import secrets
from typing import Any

from common.errors import InternalError, OperationInProgress
from common.messages import say
from data_pipeline.stores.neo4j.reading import LOCK, STAGED

LEASE_MS = 60_000
CHUNK = 10_000
TAKE = f"CREATE (l:{LOCK} {{token: $token, phase: 'loading', until: timestamp() + $lease}})"
HELD = f"MATCH (l:{LOCK}) RETURN l.token, l.phase, l.until > timestamp() ORDER BY l.token"
RENEW = f"MATCH (l:{LOCK} {{token: $token, phase: 'loading'}}) SET l.until = timestamp() + $lease RETURN count(l)"
FINISHING = f"MATCH (l:{LOCK} {{token: $token, phase: 'loading'}}) SET l.phase = 'finishing' RETURN count(l)"
GIVE_UP = f"MATCH (l:{LOCK}) WHERE l.token = $token DELETE l"
REMOVE = f"MATCH (n:{STAGED}) WITH n LIMIT {CHUNK} DETACH DELETE n RETURN count(n)"
UNSTAGE = f"MATCH (n:{STAGED}) WITH n LIMIT {CHUNK} REMOVE n:{STAGED} RETURN count(n)"


class Lock:
    """Ours from take() on."""

    def __init__(self, token: str) -> None:
        self._token = token

    @classmethod
    def take(cls, session: Any) -> "Lock":
        """Raises OperationInProgress if another restore is at work."""
        recover(session)
        lock = cls(secrets.token_hex(16))
        session.run(TAKE, token=lock._token, lease=LEASE_MS).consume()
        held = [token for token, _, _ in session.run(HELD).values()]
        if held != [lock._token]:
            lock.release(session)
            raise in_progress()
        return lock

    def renew(self, transaction: Any) -> None:
        """In the transaction of each batch. Raises InternalError once it is another's."""
        if not transaction.run(RENEW, token=self._token, lease=LEASE_MS).single(strict=True)[0]:
            raise InternalError(say("neo4j_lock_lost"), can_retry=True)

    def finish(self, session: Any) -> None:
        """What was made is free for other writers now."""
        if not session.run(FINISHING, token=self._token).single(strict=True)[0]:
            raise InternalError(say("neo4j_lock_lost"), can_retry=True)
        _drain(session, UNSTAGE)
        self.release(session)

    def withdraw(self, session: Any) -> None:
        """All that was made goes."""
        _drain(session, REMOVE)
        self.release(session)

    def release(self, session: Any) -> None:
        session.run(GIVE_UP, token=self._token).consume()


def expect_free(session: Any) -> None:
    """Raise OperationInProgress while a restore is at work."""
    _expect_none_alive(session.run(HELD).values())


def recover(session: Any) -> str | None:
    """End what a killed restore has begun; in which phase that was. Raises OperationInProgress while one is at work."""
    held = session.run(HELD).values()
    _expect_none_alive(held)
    for token, phase, _ in held:
        (Lock(token).withdraw if phase == "loading" else _finish_of(token))(session)
    return held[0][1] if held else None


def _finish_of(token: str) -> Any:
    def finish(session: Any) -> None:
        _drain(session, UNSTAGE)
        Lock(token).release(session)

    return finish


def in_progress() -> OperationInProgress:
    return OperationInProgress(say("neo4j_restore_in_progress"), can_retry=True)


def _expect_none_alive(held: Any) -> None:
    if any(alive for _, _, alive in held):
        raise in_progress()


def _drain(session: Any, query: str) -> None:
    while session.run(query).single(strict=True)[0]:
        pass
