"""What a server says of one of its backends, asked by another one: whether anything in it moves."""

from dataclasses import dataclass
from typing import Literal

from data_pipeline.postgres.link.line import Asking, Line

# Every part that changes while a backend works: what it waits for, how far it is, and what its helpers do.
ACTIVITY = """
SELECT pg_catalog.pg_backend_pid(), a.pid IS NOT NULL, a.state, a.wait_event_type, a.wait_event, i.phase,
       pg_catalog.concat_ws(' ', a.state_change::pg_catalog.text, i::pg_catalog.text{more}, (
           SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', h.pid, h.wait_event), ',')
           FROM pg_catalog.pg_stat_activity h WHERE h.leader_pid OPERATOR(pg_catalog.=) a.pid))
FROM (VALUES (%s)) mine (pid)
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) mine.pid
LEFT JOIN pg_catalog.pg_stat_progress_create_index i ON i.pid OPERATOR(pg_catalog.=) mine.pid
"""
# Without effect behind a pooler, whose numbers may be another backend's.
CANCEL = """
SELECT pg_catalog.pg_cancel_backend(%s) WHERE pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) %s
"""
COPY_PROGRESS = """, (
           SELECT c::pg_catalog.text FROM pg_catalog.pg_stat_progress_copy c WHERE c.pid OPERATOR(pg_catalog.=) a.pid)
"""

Doing = Literal["gone", "listening", "queueing", "computing", "working"]


@dataclass(frozen=True)
class Vitals:
    """What a backend does, and a text that changes when something in it moves.

    gone: there is no such backend. listening: it waits for its client to say something. queueing: it waits for a lock.
    computing: it does what shows no progress for as long as it takes, and no waits.
    """

    doing: Doing
    trace: str


def read(probe: Line, pid: int) -> Vitals | None:
    """What the backend `pid` does; None where that can't be seen: a pooler between gives numbers of its own.

    probe: a connection to the same database.
    """
    more = COPY_PROGRESS if probe.server_version >= 140000 else ""
    with probe.cursor(cursor_factory=Asking) as cursor:
        cursor.execute(ACTIVITY.format(more=more), (pid,))
        own, there, state, waits_for, event, phase, moving = cursor.one()
    if own != probe.info.backend_pid:
        return None
    return Vitals(_doing(there, state, waits_for, event, phase), f"{state} {waits_for} {event} {moving}")


def cancel(probe: Line, pid: int) -> None:
    """End the statement of the backend `pid`; nothing happens where that can't be told from another one."""
    with probe.cursor() as cursor:
        cursor.execute(CANCEL, (pid, probe.info.backend_pid))


def _doing(there: bool, state: str | None, waits_for: str | None, event: str | None, phase: str | None) -> Doing:
    if not there:
        return "gone"
    if event == "ClientRead" or (state or "").startswith("idle"):
        return "listening"
    if waits_for == "Lock":
        return "queueing"
    # pgvector's k-means for an IVFFlat index: minutes, or an hour with many lists, on one core.
    return "computing" if phase is not None and "k-means" in phase else "working"
