"""Words that the descriptions of several routes share: tags, groups of failures, headers, media types."""

from typing import Any

TAGS = {
    "Backups": "Back up, list and compare.",
    "Restore": "The way back into the database.",
    "Backup sets": "One set: look at it, verify, copy, move or remove it.",
    "milvus-backup": "The API of milvus-backup, for its clients: failures are HTTP 200 with a `code`.",
    "Milvus": "Collections of a Milvus: back up, restore, compare; and the way between Milvus and PostgreSQL.",
    "Other stores": "What isn't PostgreSQL tables: backed up and restored; their sets are listed beside all others.",
    "Databases": "Whole databases as archives of pg_dump.",
    "Stacks": "Stores that belong together, backed up and restored by one call.",
    "Jobs": "What takes long, and the history of all backups and restores.",
    "Targets": "Databases and other stores that requests may name, so that no password stands in one.",
    "Storages": "Places for backups.",
    "Schedules": "What is backed up when, and whether that has happened.",
    "Notifiers": "Addresses that are told what happens.",
    "Users": "Users, their roles and tokens, and the audit log.",
    "Panel": "Sessions of the admin panel, in place of a token with every request.",
    "Operations": "For operators of the service. Outside of the base path.",
}

OPEN = ("INVALID_PARAMS", "FORBIDDEN", "INTERNAL_ERROR")
ALWAYS = (*OPEN, "UNAUTHORIZED", "TOO_MANY_ATTEMPTS")
WRITING = ("PAYLOAD_TOO_LARGE", "SERVICE_UNAVAILABLE")
IN_DATABASE = (
    *("OPERATION_IN_PROGRESS", "LOCK_TIMEOUT", "DUPLICATE_ROWS", "DEPENDENT_ROWS", "TRIGGER_CHANGED_ROWS"),
    *("SCHEMA_MISMATCH", "DATABASE_ERROR", "TIMEOUT", "STORAGE_FULL"),
)
OF_CALLS = ("CANCELLED", "IDEMPOTENCY_KEY_REUSED", "INTERRUPTED")
IN_STORE = (
    *("OPERATION_IN_PROGRESS", "LOCK_TIMEOUT", "SCHEMA_MISMATCH", "DATABASE_ERROR", "TIMEOUT", "STORAGE_FULL"),
    *("STORE_UNSUPPORTED", "EXTRA_MISSING", "STORAGE_UNSUPPORTED", "BACKUP_EXISTS"),
)
STORING = ("OPERATION_IN_PROGRESS", "BACKUP_EXISTS", "STORAGE_FULL", "STORAGE_UNSUPPORTED")
UNDOABLE = ("ORPHAN_ROWS", "STORAGE_UNSUPPORTED")
OF_FILES = ("PERMISSION_DENIED", "RESOURCE_NOT_FOUND", "INVALID_BACKUP", "ENCRYPTION_KEY_MISSING")

TAR: dict[str, Any] = {"application/x-tar": {"schema": {"type": "string", "format": "binary"}}}


def header(name: str, description: str, pattern: str | None = None) -> dict[str, Any]:
    """A request header that a route reads."""
    schema = {"type": "string", **({"pattern": pattern} if pattern else {})}
    return {"name": name, "in": "header", "description": description, "schema": schema}


IDEMPOTENCY_KEY = header(
    "Idempotency-Key", "The same key and body are done once, however often they are sent", "^[!-~]{1,255}$"
)
