"""One family of errors. Each class knows its HTTP status and its stable error_type.

They are raised where the fault is known and become answers in one place, the error handler of the web layer.
The response text is for people (Chinese, as the API documents it). It never holds a password, the content of a
row, or a message of Python's or the driver's.
"""

from collections.abc import Sequence
from typing import Any

from common.messages import Message, say

MESSAGES = {
    400: say("bad_request"),
    401: say("unauthorized"),
    403: say("forbidden"),
    404: say("not_found"),
    405: say("method_not_allowed"),
    409: say("conflict"),
    413: say("content_too_large"),
    416: say("range_not_satisfiable"),
    422: say("backup_content_invalid"),
    429: say("too_many_requests"),
    500: say("internal_error"),
    501: say("not_implemented"),
    502: say("bad_gateway"),
    503: say("service_unavailable"),
    504: say("timeout"),
    507: say("storage_full"),
}


class ServiceError(Exception):
    """An expected failure with an answer of its own.

    `response` is the text for people; `data` holds further keys of the answer (details, can_retry, …).
    """

    status = 500
    error_type = "INTERNAL_ERROR"

    def __init__(self, response: str, **data: Any) -> None:
        super().__init__(response)
        self.response = response
        self.data: dict[str, Any] = data
        self.beside: dict[str, str] = {}
        """Keys that a documented answer has outside of `data`."""
        self.nothing_sent = False
        """A passing failure that came before any effect: the operation may simply be tried again."""

    @property
    def message(self) -> str:
        return MESSAGES[self.status]

    @property
    def code(self) -> str | None:
        """The code of the response; None where the text came from elsewhere, such as a stored answer."""
        return self.response.code if isinstance(self.response, Message) else None


class InternalError(ServiceError):
    """A bug, or a server error of no known kind."""


class MissingParams(ServiceError):
    """Required fields are absent."""

    status, error_type = 400, "MISSING_REQUIRED_PARAMS"

    def __init__(self, names: list[str]) -> None:
        super().__init__(say("params_missing", names=", ".join(names)), missing_params=names)


class InvalidParams(ServiceError):
    """A field has a wrong type, format or combination."""

    status, error_type = 400, "INVALID_PARAMS"


class Unauthorized(ServiceError):
    """The token is missing or wrong."""

    status, error_type = 401, "UNAUTHORIZED"


class Forbidden(ServiceError):
    """The target database, or the way the request came, is not allowed."""

    status, error_type = 403, "FORBIDDEN"


class UntrustedArchive(ServiceError):
    """An archive of a database runs its maker's code, and nothing says that its maker can be trusted."""

    status, error_type = 403, "UNTRUSTED_ARCHIVE"


class PermissionDenied(ServiceError):
    """The database role lacks a privilege, row security would hide rows, or the service may not touch a file."""

    status, error_type = 403, "PERMISSION_DENIED"


class NotFound(ServiceError):
    """A route, directory or file does not exist."""

    status, error_type = 404, "RESOURCE_NOT_FOUND"


class MethodNotAllowed(ServiceError):
    """The route exists, but not with this method."""

    status, error_type = 405, "METHOD_NOT_ALLOWED"


class OperationInProgress(ServiceError):
    """Another writer holds the target database."""

    status, error_type = 409, "OPERATION_IN_PROGRESS"


class LockTimeout(ServiceError):
    """A lock was not to be had in time, or a deadlock chose us."""

    status, error_type = 409, "LOCK_TIMEOUT"


class DuplicateRows(ServiceError):
    """A row with the same key is already there, or twice in the file."""

    status, error_type = 409, "DUPLICATE_ROWS"


class DependentRows(ServiceError):
    """Other rows refer to the rows that were to be removed."""

    status, error_type = 409, "DEPENDENT_ROWS"


class TriggerChangedRows(ServiceError):
    """A trigger or rule has made something else of the rows that were written."""

    status, error_type = 409, "TRIGGER_CHANGED_ROWS"

    def __init__(self, table: str, rows: int, triggers: Sequence[str] = ()) -> None:
        self.rows = rows
        listed = ", ".join(triggers)
        text = (
            say("named_triggers_changed_rows", table=table, rows=rows, triggers=listed)
            if listed
            else say("triggers_changed_rows", table=table, rows=rows)
        )
        details = {"table": table, "rows": rows, "triggers": list(triggers)}
        super().__init__(text, can_retry=False, details=details)


class SchemaMismatch(ServiceError):
    """The tables are missing, or their columns do not match the file's."""

    status, error_type = 409, "SCHEMA_MISMATCH"


class VersionMismatch(ServiceError):
    """No program fits the versions of the archive and the server, or the archive is of a newer server."""

    status, error_type = 409, "VERSION_MISMATCH"


class OperationCancelled(ServiceError):
    """The operation was cancelled; nothing of it stays."""

    status, error_type = 409, "CANCELLED"

    def __init__(self) -> None:
        super().__init__(say("operation_cancelled"), can_retry=True)


class JobFinished(ServiceError):
    """A job that has ended can't be cancelled."""

    status, error_type = 409, "JOB_FINISHED"


class KeyReused(ServiceError):
    """An Idempotency-Key came again, with another request."""

    status, error_type = 409, "IDEMPOTENCY_KEY_REUSED"


class Recorded(ServiceError):
    """A failure of an earlier call, answered once more."""

    def __init__(self, envelope: dict[str, Any]) -> None:
        data = {name: value for name, value in envelope["data"].items() if name not in ("response", "timestamp")}
        self.status = envelope["code"]
        self.error_type = data.pop("error_type")
        super().__init__(envelope["data"]["response"], **data)


class BackupExists(ServiceError):
    """There is a backup set of that timestamp already."""

    status, error_type = 409, "BACKUP_EXISTS"


class ResourceExists(ServiceError):
    """There is a resource of that kind and name already."""

    status, error_type = 409, "RESOURCE_EXISTS"


class ResourceInUse(ServiceError):
    """Another resource names this one."""

    status, error_type = 409, "RESOURCE_IN_USE"


class ResourceReadOnly(ServiceError):
    """The environment configures this resource: only there it can be changed."""

    status, error_type = 409, "RESOURCE_READ_ONLY"


class PayloadTooLarge(ServiceError):
    """The request body is over the limit."""

    status, error_type = 413, "PAYLOAD_TOO_LARGE"


class RangeNotSatisfiable(ServiceError):
    """A range of a download that begins behind its end."""

    status, error_type = 416, "RANGE_NOT_SATISFIABLE"


class InvalidBackup(ServiceError):
    """A backup file is damaged, truncated, swapped or cannot be parsed."""

    status, error_type = 422, "INVALID_BACKUP"


class OrphanRows(ServiceError):
    """An embedding names a collection that does not exist."""

    status, error_type = 422, "ORPHAN_ROWS"


class TooManyAttempts(ServiceError):
    """One wrong token too many from an address; a right one is let in even then."""

    status, error_type = 429, "TOO_MANY_ATTEMPTS"

    def __init__(self, seconds: int) -> None:
        super().__init__(say("too_many_attempts", seconds=seconds), can_retry=True, retry_after_seconds=seconds)


class DatabaseError(ServiceError):
    """No connection, or the connection was lost."""

    status, error_type = 500, "DATABASE_ERROR"


class NotifierUnsupported(ServiceError):
    """A service is reached by a package that isn't installed."""

    status, error_type = 501, "NOTIFIER_UNSUPPORTED"


class NotifierFailed(ServiceError):
    """A webhook or a service can't be reached, or has refused a message."""

    status, error_type = 502, "NOTIFIER_FAILED"


class StorageUnsupported(ServiceError):
    """An object store refuses or ignores conditional writes, so no set is safe there from another writer."""

    status, error_type = 501, "STORAGE_UNSUPPORTED"


class ServiceUnavailable(ServiceError):
    """Too busy for now."""

    status, error_type = 503, "SERVICE_UNAVAILABLE"


class Interrupted(ServiceError):
    """The process that did the work ended before the work did."""

    status, error_type = 503, "INTERRUPTED"

    def __init__(self) -> None:
        super().__init__(say("operation_interrupted"), can_retry=True)


class OperationTimeout(ServiceError):
    """A time limit ran out."""

    status, error_type = 504, "TIMEOUT"


class StorageFull(ServiceError):
    """No space left, here or in the database."""

    status, error_type = 507, "STORAGE_FULL"
