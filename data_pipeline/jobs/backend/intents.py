"""All SQL about what restores of stores are about to do: written down before they do it, settled where they can't."""

import json
from dataclasses import asdict

from common.errors import OperationInProgress
from common.messages import say
from data_pipeline.jobs.backend.database import JobsDatabase
from data_pipeline.stores.intents import Intent

BEGIN = """
INSERT INTO intents (id, digest, collection, process, facts) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING RETURNING id
"""
NOTE = "UPDATE intents SET facts = %s WHERE id = %s"
LEAVE = "UPDATE intents SET process = '' WHERE id = %s"
END = "DELETE FROM intents WHERE id = %s"
# A process that is alive has a row whose beat is young; those that are gone were removed, or will be.
ABANDONED = """
SELECT facts FROM intents i
WHERE NOT EXISTS (
    SELECT FROM processes p WHERE p.id = i.process AND p.beat_at > now() - make_interval(secs => %s))
ORDER BY created_at
"""


class JobsIntents:
    """Those of every process of a queue. process: this one. silence: seconds after which a process counts as gone."""

    def __init__(self, database: JobsDatabase, process: str, silence: float) -> None:
        self._database = database
        self._process = process
        self._silence = silence

    def begin(self, intent: Intent) -> None:
        """Raises OperationInProgress while the collection has another one, ServiceUnavailable."""
        values = (intent.id, intent.digest, intent.collection, self._process, _stored(intent))
        with self._database.transaction() as connection:
            row = connection.execute(BEGIN, values).fetchone()
        if row is None:
            of_a_bucket = intent.family == "objects"
            text = say("objects_in_progress") if of_a_bucket else say("milvus_in_progress", name=intent.collection)
            raise OperationInProgress(text, can_retry=True, details={"collection": intent.collection})

    def note(self, intent: Intent) -> None:
        with self._database.transaction() as connection:
            connection.execute(NOTE, (_stored(intent), intent.id))

    def end(self, intent: Intent) -> None:
        with self._database.transaction() as connection:
            connection.execute(END, (intent.id,))

    def leave(self, intent: Intent) -> None:
        with self._database.transaction() as connection:
            connection.execute(LEAVE, (intent.id,))

    def abandoned(self) -> list[Intent]:
        with self._database.transaction() as connection:
            rows = connection.execute(ABANDONED, (self._silence,)).fetchall()
        return [Intent(**{**row["facts"], "aliases": tuple(row["facts"]["aliases"])}) for row in rows]


def _stored(intent: Intent) -> str:
    return json.dumps(asdict(intent))
