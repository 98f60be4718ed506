"""What is wrong with a request: 400 to 405, 413, 416 and 429."""

from common.errors.service_error import ServiceError
from common.messages import say


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


class PayloadTooLarge(ServiceError):
    """The request body is over the limit."""

    status, error_type = 413, "PAYLOAD_TOO_LARGE"


class RangeNotSatisfiable(ServiceError):
    """A range of a download that begins behind its end."""

    status, error_type = 416, "RANGE_NOT_SATISFIABLE"


class TooManyAttempts(ServiceError):
    """One wrong token or password too many. A right token is let in even then, a right password is not."""

    status, error_type = 429, "TOO_MANY_ATTEMPTS"

    def __init__(self, seconds: int) -> None:
        super().__init__(say("too_many_attempts", seconds=seconds), can_retry=True, retry_after_seconds=seconds)
