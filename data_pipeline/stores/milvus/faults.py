"""What Milvus refuses, in our words. The server's text may quote a row, so only its code is told."""

from typing import Any

from common.errors import (
    DatabaseError,
    InternalError,
    NotFound,
    OperationTimeout,
    PermissionDenied,
    ResourceExists,
    SchemaMismatch,
    ServiceError,
    ServiceUnavailable,
    StorageFull,
)
from common.messages import say
from data_pipeline.stores.milvus.protocol import grpc

RATE_LIMITED = frozenset({8, 9, 49})
"""A quota for the moment: the same call works a little later. 49 is the older code of it."""

NOT_FOUND = frozenset({100, 200, 700, 800, 1600})
MEMORY, DISK = 3, 7
AUTHENTICATION = frozenset({1400, 1401})
NOT_LOADED = frozenset({101, 103})
UNIMPLEMENTED = 10
LEGACY = {4: 100, 11: 700, 25: 100, 101: 101, 200: 200}
"""Codes of servers before 2.3 that mean one of these."""

FULL = "no space left"
EXISTS = ("already exist", "duplicated")
UNKNOWN_ALIAS = "alias"


class TooLarge(Exception):
    """An answer is larger than this client takes: fewer rows have to be asked for."""


class RateLimited(Exception):
    """The server takes no more for the moment."""


def of_call(error: Any, step: str) -> Exception:
    """The fault of a call that got no answer: a grpc.RpcError."""
    codes, code = grpc().StatusCode, error.code()
    details = {"step": step, "cause": code.name}
    if code == codes.RESOURCE_EXHAUSTED:
        return TooLarge() if "larger than" in (error.details() or "").lower() else RateLimited()
    if code == codes.DEADLINE_EXCEEDED:
        return OperationTimeout(say("milvus_timeout", step=step), can_retry=True, details=details)
    if code in (codes.UNAUTHENTICATED, codes.PERMISSION_DENIED):
        return refused_login(step, code.name)
    if code == codes.UNIMPLEMENTED:
        return InternalError(say("milvus_unimplemented", step=step), can_retry=False, details=details)
    return unreachable(step, code.name)


def unreachable(step: str, cause: str) -> DatabaseError:
    return DatabaseError(say("milvus_unreachable", step=step), can_retry=True, details={"step": step, "cause": cause})


def refused_login(step: str, cause: str) -> PermissionDenied:
    details = {"step": step, "cause": cause}
    return PermissionDenied(say("milvus_login_refused", step=step), can_retry=False, details=details)


def code_of(status: Any) -> int:
    """0 for success."""
    return int(status.code or LEGACY.get(status.error_code, status.error_code))


def of_status(status: Any, step: str, name: str) -> Exception | None:
    """The fault that a status means; None for success. name: what the call was about."""
    code, reason = code_of(status), status.reason.lower()
    if not code:
        return None
    details = {"step": step, "name": name, "server_code": code}
    if code in RATE_LIMITED:
        return RateLimited()
    if code in NOT_FOUND:
        return NotFound(say("milvus_not_found", name=name, step=step), details=details)
    if code in AUTHENTICATION or "auth check failure" in reason:
        return refused_login(step, str(code))
    if code == DISK or FULL in reason:
        return StorageFull(say("milvus_disk_full", step=step), can_retry=False, details=details)
    if code == MEMORY:
        return ServiceUnavailable(say("milvus_memory_full", step=step), can_retry=True, details=details)
    if any(text in reason for text in EXISTS):
        return ResourceExists(say("milvus_name_taken", name=name), can_retry=False, details=details)
    if code in NOT_LOADED:
        return SchemaMismatch(say("milvus_not_loaded", name=name, step=step), can_retry=True, details=details)
    return refused(step, name, details)


def refused(step: str, name: str, details: dict[str, Any]) -> ServiceError:
    """A refusal whose reason is the server's own."""
    text = say("milvus_refused", step=step, name=name, code=details.get("server_code", 0))
    return SchemaMismatch(text, can_retry=False, details=details)
