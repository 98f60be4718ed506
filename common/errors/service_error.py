"""The base of all errors, and what an answer says for each status."""

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


class Recorded(ServiceError):
    """A failure of an earlier call, answered once more."""

    def __init__(self, envelope: dict[str, Any]) -> None:
        data = {name: value for name, value in envelope["data"].items() if name not in ("response", "timestamp")}
        self.status = envelope["code"]
        self.error_type = data.pop("error_type")
        super().__init__(envelope["data"]["response"], **data)
