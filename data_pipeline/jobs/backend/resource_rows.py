"""All SQL about resources: targets, storages, schedules and the rest, as rows.

Every method is one transaction and raises ServiceUnavailable if the jobs database can't be reached.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from psycopg.types.json import Json

from data_pipeline.jobs.backend.database import JobsDatabase


@dataclass(frozen=True)
class ResourceRow:
    """A resource as it is stored. config: what may be shown. sealed: its secrets, by the key `key_id`."""

    kind: str
    name: str
    config: dict[str, Any]
    sealed: str | None
    key_id: str | None
    version: int
    created_at: datetime
    updated_at: datetime


FIELDS = [field.name for field in fields(ResourceRow)]
ADD = """
INSERT INTO resources (kind, name, config, sealed, key_id) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING RETURNING *
"""
CHANGE = """
UPDATE resources SET config = %s, sealed = %s, key_id = %s, version = version + 1, updated_at = now()
WHERE kind = %s AND name = %s AND version = %s RETURNING *
"""
ALL = "SELECT * FROM resources WHERE kind = %s ORDER BY name"
ONE = "SELECT * FROM resources WHERE kind = %s AND name = %s"
REMOVE = "DELETE FROM resources WHERE kind = %s AND name = %s RETURNING name"


class ResourceRows:
    """The resources of one jobs database."""

    def __init__(self, database: JobsDatabase) -> None:
        self._database = database

    def all(self, kind: str) -> list[ResourceRow]:
        """By name."""
        with self._database.transaction() as connection:
            return [_read(row) for row in connection.execute(ALL, (kind,)).fetchall()]

    def get(self, kind: str, name: str) -> ResourceRow | None:
        return self._one(ONE, (kind, name))

    def add(
        self, kind: str, name: str, config: dict[str, Any], sealed: str | None, key_id: str | None
    ) -> ResourceRow | None:
        """None if there is one of that name."""
        return self._one(ADD, (kind, name, Json(config), sealed, key_id))

    def change(
        self, known: ResourceRow, config: dict[str, Any], sealed: str | None, key_id: str | None
    ) -> ResourceRow | None:
        """None if it is not what is known of it any more."""
        return self._one(CHANGE, (Json(config), sealed, key_id, known.kind, known.name, known.version))

    def remove(self, kind: str, name: str) -> bool:
        """Whether there was one."""
        with self._database.transaction() as connection:
            return connection.execute(REMOVE, (kind, name)).fetchone() is not None

    def _one(self, statement: str, values: tuple[Any, ...]) -> ResourceRow | None:
        with self._database.transaction() as connection:
            row = connection.execute(statement, values).fetchone()
        return _read(row) if row else None


def _read(row: dict[str, Any]) -> ResourceRow:
    return ResourceRow(**{name: row[name] for name in FIELDS})
