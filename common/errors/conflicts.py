"""What stands in a request's way, in the store or among the service's own operations: 409."""

from collections.abc import Sequence

from common.errors.service_error import ServiceError
from common.messages import say


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


class EncryptionKeyMissing(ServiceError):
    """A set is encrypted, and no configured key opens it."""

    status, error_type = 409, "ENCRYPTION_KEY_MISSING"


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


class BackupExists(ServiceError):
    """There is a backup set of that timestamp already."""

    status, error_type = 409, "BACKUP_EXISTS"


class CollectionChanged(ServiceError):
    """A collection changed while it was read, so what was read is of no one moment."""

    status, error_type = 409, "COLLECTION_CHANGED"


class ResourceExists(ServiceError):
    """There is a resource of that kind and name already."""

    status, error_type = 409, "RESOURCE_EXISTS"


class ResourceInUse(ServiceError):
    """Another resource names this one."""

    status, error_type = 409, "RESOURCE_IN_USE"


class LastAdmin(ServiceError):
    """No admin would be left who may sign in."""

    status, error_type = 409, "LAST_ADMIN"


class ResourceReadOnly(ServiceError):
    """The environment configures this resource: only there it can be changed."""

    status, error_type = 409, "RESOURCE_READ_ONLY"
