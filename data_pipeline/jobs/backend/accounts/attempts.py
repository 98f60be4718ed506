"""Wrong passwords, counted by account and by address, in every process together."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from math import ceil

from data_pipeline.jobs.backend.database import JobsDatabase

WINDOW = timedelta(minutes=15)
"""From the first wrong password on; then they are counted anew."""

# Counted before the password is looked at, so that many attempts at a time are no more than their number.
COUNT = """
INSERT INTO sign_in_attempts AS a (subject) VALUES (%(subject)s)
ON CONFLICT (subject) DO UPDATE SET
    failures = CASE WHEN a.since < now() - %(window)s THEN 1 ELSE a.failures + 1 END,
    since = CASE WHEN a.since < now() - %(window)s THEN now() ELSE a.since END
RETURNING failures, extract(epoch FROM since + %(window)s - now())::float AS seconds
"""
TAKE_BACK = "UPDATE sign_in_attempts SET failures = greatest(failures - 1, 0) WHERE subject = ANY(%s)"
FORGIVE = "DELETE FROM sign_in_attempts WHERE subject = %s"


class Attempts:
    """What was tried. A subject is kept as its hash: what is given for a name may be a password."""

    def __init__(self, database: JobsDatabase) -> None:
        self._database = database

    def count(self, limits: Mapping[str, int]) -> int | None:
        """Count an attempt against each subject; the seconds to wait where there were more than its limit."""
        waits = []
        with self._database.transaction() as connection:
            for subject, most in limits.items():
                row = connection.execute(COUNT, {"subject": _kept(subject), "window": WINDOW}).fetchone()
                if row and row["failures"] > most:
                    waits.append(max(1, ceil(row["seconds"])))
        return max(waits, default=None)

    def take_back(self, *subjects: str) -> None:
        """An attempt was a good one."""
        with self._database.transaction() as connection:
            connection.execute(TAKE_BACK, ([_kept(one) for one in subjects],))

    def forgive(self, subject: str) -> None:
        """Forget every attempt of one."""
        with self._database.transaction() as connection:
            connection.execute(FORGIVE, (_kept(subject),))

    def forget(self) -> None:
        """What doesn't count any more."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM sign_in_attempts WHERE since < now() - %s", (WINDOW,))


def _kept(subject: str) -> str:
    return hashlib.sha256(subject.encode()).hexdigest()
