"""All SQL about the audit log: who did what to which set, from where."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Json

from data_pipeline.jobs.backend.database import JobsDatabase

ADD = """
INSERT INTO audit_log (who, client, what, set_name, target, outcome, status, request_id, job_id, details)
VALUES (%(who)s, %(client)s, %(what)s, %(set_name)s, %(target)s, %(outcome)s, %(status)s, %(request_id)s, %(job_id)s,
        %(details)s)
"""
PAGE = """
SELECT * FROM audit_log
WHERE (%(who)s::text IS NULL OR who = %(who)s OR who = 'user:' || %(who)s)
  AND (%(what)s::text IS NULL OR what = %(what)s)
  AND (%(set)s::text IS NULL OR strpos(set_name, %(set)s) > 0)
  AND (%(after)s::bigint IS NULL OR number < %(after)s)
ORDER BY number DESC LIMIT %(limit)s
"""


@dataclass(frozen=True)
class Entry:
    """What was done. what: a route's operation, or a job's kind. outcome: SUCCESS, ACCEPTED, a job's state, or an
    error's type."""

    who: str
    client: str | None
    what: str
    set_name: str | None
    target: str | None
    outcome: str
    status: int | None
    request_id: str
    job_id: str | None
    details: dict[str, Any]


@dataclass(frozen=True)
class KeptEntry(Entry):
    """The same, as it was written down."""

    number: int
    at: datetime


FIELDS = [one.name for one in fields(KeptEntry)]


def storable(value: Any) -> Any:
    """The same with what PostgreSQL's text can't hold, NUL and halves of surrogate pairs, as other characters: what a
    client sends is written down all the same."""
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
    if isinstance(value, dict):
        return {storable(name): storable(one) for name, one in value.items()}
    return [storable(one) for one in value] if isinstance(value, list) else value


class AuditRows:
    """The audit log of one jobs database."""

    def __init__(self, database: JobsDatabase) -> None:
        self._database = database

    def add(self, entry: Entry) -> None:
        with self._database.transaction() as connection:
            connection.execute(ADD, storable({**vars(entry), "details": Json(storable(entry.details))}))

    def page(
        self, who: str | None, what: str | None, set_name: str | None, after: int | None, limit: int
    ) -> list[KeptEntry]:
        """Newest first, those before the number `after`. set_name: a part of it."""
        values = storable({"who": who, "what": what, "set": set_name, "after": after, "limit": limit})
        with self._database.transaction() as connection:
            rows = connection.execute(PAGE, values).fetchall()
        return [KeptEntry(**{name: row[name] for name in FIELDS}) for row in rows]

    def forget(self, days: int) -> None:
        """Remove what was written down so many days ago."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM audit_log WHERE at < now() - %s", (timedelta(days=days),))
