"""The envelope every answer stands in.

Success and failure have one shape: code, success, message, and data with response, the rest, and a timestamp.
"""

from datetime import datetime
from typing import Any

from common.errors import ServiceError
from common.messages import say

SUCCESS_MESSAGE = say("success")


def now() -> str:
    """The server's local time, ISO 8601 with seconds and UTC offset."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def success_response(response_text: str, data: dict[str, Any] | None = None, code: int = 200) -> dict[str, Any]:
    """The envelope of an answer that worked; `code` is the HTTP status it goes out with."""
    return _envelope(code, True, SUCCESS_MESSAGE, response_text, data or {})


def error_response(error: ServiceError) -> dict[str, Any]:
    """The envelope of an answer that failed."""
    data = {"error_type": error.error_type, **error.data}
    return {**_envelope(error.status, False, error.message, error.response, data), **error.beside}


def _envelope(code: int, success: bool, message: str, response: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": code,
        "success": success,
        "message": message,
        "data": {"response": response, **data, "timestamp": now()},
    }
