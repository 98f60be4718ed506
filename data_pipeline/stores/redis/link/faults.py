"""What a server's refusals mean, and what a lost connection is called."""

from collections.abc import Callable

from common.errors import (
    DatabaseError,
    InternalError,
    PermissionDenied,
    SchemaMismatch,
    ServiceError,
    StorageFull,
    StoreUnsupported,
)
from common.messages import say


def _login(_command: str) -> ServiceError:
    return DatabaseError(say("redis_login_refused"), can_retry=False, details={"cause": "LOGIN"})


def _denied(command: str) -> ServiceError:
    return PermissionDenied(say("redis_permission_denied", command=command), details={"command": command})


def _busy(_command: str) -> ServiceError:
    return DatabaseError(say("redis_busy"), can_retry=True, details={"cause": "BUSY"})


def _read_only(_command: str) -> ServiceError:
    return SchemaMismatch(say("redis_read_only"), can_retry=False)


def _full(_command: str) -> ServiceError:
    return StorageFull(say("redis_memory_full"), can_retry=False)


BY_CODE: dict[str, Callable[[str], ServiceError]] = {
    "NOAUTH": _login,
    "WRONGPASS": _login,
    "NOPERM": _denied,
    "OOM": _full,
    "READONLY": _read_only,
    **dict.fromkeys(("LOADING", "BUSY", "MASTERDOWN", "TRYAGAIN", "UNKILLABLE", "MISCONF", "NOREPLICAS"), _busy),
}
"""By the first word of a refusal, which is its code."""


def refused(said: str, command: str) -> ServiceError:
    """The error for a refusal of a command. What the server said may hold a value, and isn't repeated."""
    code = said.partition(" ")[0]
    if code in BY_CODE:
        return BY_CODE[code](command)
    if "unknown command" in said or "unknown subcommand" in said:
        return StoreUnsupported(say("redis_command_unknown", command=command), details={"command": command})
    if "DB index is out of range" in said:
        return SchemaMismatch(say("redis_no_such_database"), can_retry=False)
    return InternalError(say("redis_command_failed", command=command), can_retry=False)


def login_refused(said: str) -> ServiceError:
    """The handshake failed at AUTH, or before it was asked for."""
    return _denied("AUTH") if said.startswith("NOPERM") else _login("AUTH")


def unreachable(said: str) -> ServiceError:
    """No connection could be made."""
    if "LOADING" in said or "loading the dataset" in said:
        return _busy("")
    return DatabaseError(say("redis_unreachable"), can_retry=True, details={"cause": "CONNECT"})


def lost() -> ServiceError:
    return DatabaseError(say("redis_connection_lost"), can_retry=True, details={"cause": "LOST"})


def silent() -> ServiceError:
    return DatabaseError(say("redis_silent"), can_retry=True, details={"cause": "SILENCE"})
