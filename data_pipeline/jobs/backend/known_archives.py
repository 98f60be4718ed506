"""All SQL about the archives of databases that were made here."""

from data_pipeline.jobs.backend.database import JobsDatabase
from data_pipeline.jobs.backend.pending_writes import PendingWrites

WRITE = "INSERT INTO known_archives (sha256) VALUES (%s) ON CONFLICT DO NOTHING"
READ = "SELECT 1 FROM known_archives WHERE sha256 = %s"


class ArchiveMemory:
    """By their SHA-256: what comes back under one of these is what went out, to the bit."""

    def __init__(self, database: JobsDatabase, pending: PendingWrites) -> None:
        self._database = database
        self._pending = pending

    def note(self, sha256: str) -> None:
        """Write it down, now or as soon as the queue can be reached. Raises nothing."""

        def write() -> None:
            with self._database.transaction() as connection:
                connection.execute(WRITE, (sha256,))

        self._pending.write(write)

    def knows(self, sha256: str) -> bool:
        """Raises ServiceUnavailable where the queue can't be reached."""
        self._database.expect_up()
        with self._database.transaction() as connection:
            return connection.execute(READ, (sha256,)).fetchone() is not None
