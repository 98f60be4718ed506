"""What is wrong with a backup: 422."""

from common.errors.service_error import ServiceError


class InvalidBackup(ServiceError):
    """A backup file is damaged, truncated, swapped or cannot be parsed."""

    status, error_type = 422, "INVALID_BACKUP"


class OrphanRows(ServiceError):
    """An embedding names a collection that does not exist."""

    status, error_type = 422, "ORPHAN_ROWS"
