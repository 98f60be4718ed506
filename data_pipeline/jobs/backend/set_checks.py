"""All SQL about what verifications have found."""

from collections.abc import Mapping, Sequence

from common.errors import ServiceUnavailable
from data_pipeline.jobs.backend.database import JobsDatabase
from data_pipeline.jobs.backend.pending_writes import PendingWrites
from data_pipeline.operations.set_checks import SetCheck, SetName
from data_pipeline.storage.location import Location

WRITE = """
INSERT INTO set_checks (storage, location, timestamp, found, identity, checked_at)
VALUES (%(storage)s, %(location)s, %(timestamp)s, %(found)s, %(identity)s, %(at)s)
ON CONFLICT (storage, location, timestamp)
DO UPDATE SET found = excluded.found, identity = excluded.identity, checked_at = excluded.checked_at
WHERE set_checks.checked_at < excluded.checked_at
"""
READ = "SELECT * FROM set_checks WHERE timestamp = ANY(%s)"


class SetChecks:
    """The last check of each set. Nothing here raises: a check is worth its answer while the queue is away, too."""

    def __init__(self, database: JobsDatabase, pending: PendingWrites) -> None:
        self._database = database
        self._pending = pending

    def note(self, name: SetName, check: SetCheck) -> None:
        """Write it down, now or as soon as the queue can be reached."""
        location, timestamp = name
        values = {
            "storage": location.storage,
            "location": "/".join(location.parts),
            "timestamp": timestamp,
            **vars(check),
        }

        def write() -> None:
            with self._database.transaction() as connection:
                connection.execute(WRITE, values)

        self._pending.write(write)

    def of(self, names: Sequence[SetName]) -> Mapping[SetName, SetCheck] | None:
        """Those of some sets, as far as there were any; None while the queue can't be reached."""
        if not names:
            return {}
        try:
            self._database.expect_up()
            with self._database.transaction() as connection:
                rows = connection.execute(READ, (list({timestamp for _, timestamp in names}),)).fetchall()
        except ServiceUnavailable:
            return None
        return {
            (Location(tuple(row["location"].split("/")), row["storage"]), row["timestamp"]): SetCheck(
                row["found"], row["checked_at"], row["identity"]
            )
            for row in rows
        }
