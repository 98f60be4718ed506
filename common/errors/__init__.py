"""One family of errors. Each class knows its HTTP status and its stable error_type.

They are raised where the fault is known and become answers in one place, the error handler of the web layer.
The response text is for people (Chinese, as the API documents it). It never holds a password, the content of a
row, or a message of Python's or the driver's.
"""

from common.errors.conflicts import (
    BackupExists,
    DependentRows,
    DuplicateRows,
    JobFinished,
    KeyReused,
    LastAdmin,
    LockTimeout,
    OperationCancelled,
    OperationInProgress,
    ResourceExists,
    ResourceInUse,
    ResourceReadOnly,
    SchemaMismatch,
    TriggerChangedRows,
    VersionMismatch,
)
from common.errors.content import (
    InvalidBackup,
    OrphanRows,
)
from common.errors.requests import (
    Forbidden,
    InvalidParams,
    MethodNotAllowed,
    MissingParams,
    NotFound,
    PayloadTooLarge,
    PermissionDenied,
    RangeNotSatisfiable,
    TooManyAttempts,
    Unauthorized,
    UntrustedArchive,
)
from common.errors.service import (
    DatabaseError,
    ExtraMissing,
    Interrupted,
    NotifierFailed,
    NotifierUnsupported,
    OperationTimeout,
    ServiceUnavailable,
    StorageFull,
    StorageUnsupported,
    StoreUnsupported,
)
from common.errors.service_error import (
    MESSAGES,
    InternalError,
    Recorded,
    ServiceError,
)

__all__ = [
    "MESSAGES",
    "BackupExists",
    "DatabaseError",
    "DependentRows",
    "DuplicateRows",
    "ExtraMissing",
    "Forbidden",
    "InternalError",
    "Interrupted",
    "InvalidBackup",
    "InvalidParams",
    "JobFinished",
    "KeyReused",
    "LastAdmin",
    "LockTimeout",
    "MethodNotAllowed",
    "MissingParams",
    "NotFound",
    "NotifierFailed",
    "NotifierUnsupported",
    "OperationCancelled",
    "OperationInProgress",
    "OperationTimeout",
    "OrphanRows",
    "PayloadTooLarge",
    "PermissionDenied",
    "RangeNotSatisfiable",
    "Recorded",
    "ResourceExists",
    "ResourceInUse",
    "ResourceReadOnly",
    "SchemaMismatch",
    "ServiceError",
    "ServiceUnavailable",
    "StorageFull",
    "StorageUnsupported",
    "StoreUnsupported",
    "TooManyAttempts",
    "TriggerChangedRows",
    "Unauthorized",
    "UntrustedArchive",
    "VersionMismatch",
]
