"""What the service, or what it depends on, can't do now: 500 and more."""

from common.errors.service_error import ServiceError
from common.messages import say


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


class StoreUnsupported(ServiceError):
    """A store, or this machine, lacks what was asked for: a cluster, an old version, no server for a snapshot."""

    status, error_type = 501, "STORE_UNSUPPORTED"


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


class ExtraMissing(ServiceError):
    """A store is reached by a package that isn't installed."""

    status, error_type = 501, "EXTRA_MISSING"
