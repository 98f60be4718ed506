"""What the web layer does for every route: JSON in, JSON out, and each failure in the envelope."""

import json
import re
from typing import Any

import structlog
from flask import Flask, Request, Response, g, jsonify, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from common import uncaught
from common.errors import (
    InternalError,
    InvalidParams,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    ServiceError,
)
from common.messages import say
from common.result import error_response
from data_pipeline.api import language, policy
from data_pipeline.jobs.job import Origin
from data_pipeline.operations.requests.request import rejected

log = structlog.get_logger("web")

IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")


class JsonRequest(Request):
    """A request whose body is JSON under any Content-Type: plain `curl -d` names a form."""

    def get_json(self, *_args: Any, **_kwargs: Any) -> dict[str, Any]:
        """The body as an object; no body at all is {}. Raises InvalidParams for anything else."""
        data = self.get_data()
        if not data:
            return {}
        try:
            body = json.loads(data.decode(), object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise InvalidParams(say("body_not_json")) from None
        if not isinstance(body, dict):
            raise InvalidParams(say("body_not_an_object"))
        g.body = body
        return body


def set_up(app: Flask) -> None:
    """Give an app the request class, the JSON style and the error handlers."""
    app.request_class = JsonRequest
    language.set_up(app)
    app.before_request(_check_query)
    app.before_request(_check_body)
    app.register_error_handler(ServiceError, _answer)
    app.register_error_handler(RequestEntityTooLarge, lambda _: _answer(PayloadTooLarge(say("body_too_large"))))
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer_bug)


def validation_failed(error: ValidationError) -> Any:
    """What flask-openapi3 calls when a request does not fit its model."""
    raise rejected(error)


def origin() -> Origin:
    """Where the current request comes from."""
    return Origin(request_id=g.request_id, who=g.caller.who, client=g.client)


def idempotency_key() -> str | None:
    """What the current request's Idempotency-Key makes of it. Raises InvalidParams."""
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return None
    if not IDEMPOTENCY_KEY.fullmatch(given):
        raise InvalidParams(say("idempotency_key_invalid"))
    return f"call {given}"  # a scheduled backup's key can't be named


def replayed() -> None:
    """Note that the current request is answered as an earlier one was: it does nothing itself."""
    g.replayed = True


def _check_query() -> None:
    """No query where none is read, and no key twice: which one was meant would be a guess."""
    route = policy.current()
    for name, values in request.args.lists():
        field = name[:64]
        if route is None or not route.takes_query:
            raise InvalidParams(say("query_param_unknown", field=field), details={"field": field})
        if len(values) > 1:
            raise InvalidParams(say("query_param_twice", field=field), details={"field": field})


def _check_body() -> None:
    """A write that takes no fields gets none: what a client meant by one would be a guess."""
    route = policy.current()
    takes_none = request.method not in policy.SAFE_METHODS and route is not None and not route.takes_body
    if takes_none and (body := request.get_json()):
        field = next(iter(body))[:64]
        raise InvalidParams(say("param_unknown", field=field), details={"field": field})


def _answer(error: ServiceError) -> tuple[Response, int]:
    response = jsonify(error_response(error))
    if "retry_after_seconds" in error.data:
        response.headers["Retry-After"] = str(error.data["retry_after_seconds"])
    return response, error.status


def _answer_http(error: HTTPException) -> tuple[Response, int] | HTTPException:
    """An error that Flask or Werkzeug raised, in our envelope."""
    code = error.code or 500
    if code < 400:
        return error  # a redirect
    if code == 404:
        return _answer(NotFound(say("resource_missing")))
    if code == 405:
        answer, status = _answer(MethodNotAllowed(say("method_unsupported")))
        answer.headers.extend(error.get_headers())  # Allow
        answer.headers["Content-Type"] = "application/json"
        return answer, status
    return _answer(InvalidParams(say("request_malformed")) if code < 500 else InternalError(say("internal_error")))


def _answer_bug(error: Exception) -> tuple[Response, int]:
    # Only the kind of error and where it came from: its text may quote a row or a password.
    log.error("unexpected error", kind=type(error).__name__, where=uncaught.where(error), endpoint=request.endpoint)
    route = policy.current()
    return _answer(InternalError(route.bug if route else policy.BUG))


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            field = name[:64].encode(errors="replace").decode()  # half a surrogate pair could not be sent back
            raise InvalidParams(say("body_field_twice", field=field), details={"field": field})
        found[name] = value
    return found


def _no_constant(_name: str) -> Any:
    raise ValueError("not JSON")  # NaN, Infinity
