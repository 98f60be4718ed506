"""From what a child said to the service's own errors. Its words are never passed on: they may quote rows."""

from collections.abc import Sequence
from typing import Any

from common import errors
from common.errors import ServiceError
from common.messages import Message, say
from data_pipeline.stores.pg_database.contents import Contents
from data_pipeline.stores.pg_database.words import Cause, Failure

REASONS: dict[Cause, Message] = {
    "EXISTS": say("child_exists"),
    "DUPLICATE": say("child_duplicate"),
    "NO_ROLE": say("child_no_role"),
    "CONNECTION": say("child_connection"),
    "AUTHENTICATION": say("child_authentication"),
    "PRIVILEGE": say("child_privilege"),
    "NO_DATABASE": say("child_no_database"),
    "MEMORY": say("child_memory"),
    "DISK_FULL": say("child_disk_full"),
    "DAMAGED": say("child_damaged"),
    "DEPENDENTS": say("child_dependents_unnamed"),
    "EXTENSION": say("child_extension"),
    "LOCK": say("child_lock"),
    "TOO_MANY_LOCKS": say("child_many_locks"),
    "REFERENCES": say("child_references"),
    "OTHER": say("child_other"),
}
ERRORS: dict[Cause, type[ServiceError]] = {
    "EXISTS": errors.SchemaMismatch,
    "DUPLICATE": errors.DuplicateRows,
    "NO_ROLE": errors.SchemaMismatch,
    "CONNECTION": errors.DatabaseError,
    "AUTHENTICATION": errors.DatabaseError,
    "PRIVILEGE": errors.PermissionDenied,
    "NO_DATABASE": errors.DatabaseError,
    "MEMORY": errors.DatabaseError,
    "DISK_FULL": errors.StorageFull,
    "DAMAGED": errors.InvalidBackup,
    "DEPENDENTS": errors.DependentRows,
    "EXTENSION": errors.SchemaMismatch,
    "LOCK": errors.LockTimeout,
    "TOO_MANY_LOCKS": errors.SchemaMismatch,
    "REFERENCES": errors.OrphanRows,
    "OTHER": errors.InvalidBackup,
}
RETRIED: frozenset[Cause] = frozenset({"CONNECTION", "MEMORY", "LOCK"})


def of_dump(failures: Sequence[Failure], status: int) -> ServiceError:
    """Why a pg_dump that failed did. An error of no known kind is one of the database."""
    failure = failures[0] if failures else None
    cause: Cause = failure.cause if failure else "OTHER"
    reason = say("child_killed") if failure is None and status < 0 else REASONS[cause]
    kind = errors.DatabaseError if cause in ("OTHER", "DAMAGED") else ERRORS[cause]
    return kind(say("dump_failed", reason=reason), can_retry=cause in RETRIED or status < 0)


def of_restore(failure: Failure | None, contents: Contents, status: int) -> ServiceError:
    """Why a pg_restore that failed did; None where it ended without a word."""
    if failure is None:
        reason = say("child_killed") if status < 0 else say("child_other")
        return errors.DatabaseError(say("restore_child_failed", reason=reason), can_retry=status < 0, exit_code=status)
    named = say("child_dependents", dependents=tuple(failure.dependents))
    reason = named if failure.dependents else REASONS[failure.cause]
    entry = contents.by_id.get(failure.entry or 0)
    text = (
        say("restore_child_failed_at", entry=entry.title, reason=reason)
        if entry
        else say("restore_child_failed", reason=reason)
    )
    details: dict[str, Any] = {"cause": failure.cause, **({"entry": entry.title} if entry else {})}
    if failure.dependents:
        details["dependents"] = failure.dependents
    return ERRORS[failure.cause](text, can_retry=failure.cause in RETRIED, details=details, exit_code=status)
