"""Who may come in: tokens, the Host header, browsers sent by other sites, and how many may write at a time."""

import hmac
import threading
from contextlib import suppress
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from common.errors import Forbidden, ServiceUnavailable, TooManyAttempts, Unauthorized
from common.messages import say
from data_pipeline.api import policy
from data_pipeline.api.openapi import explorer
from data_pipeline.api.policy import SAFE_METHODS, Policy
from data_pipeline.api.security.session import COOKIE, CSRF_HEADER, Sessions
from data_pipeline.api.security.throttle import Throttle
from data_pipeline.postgres.target import is_loopback
from data_pipeline.settings import Settings

OPEN_BLUEPRINTS = explorer.PAGES | {"panel"}
"""The description of the API and the panel's own files, the same everywhere: a browser can't send a token when it
opens a page."""

FULL = "API_TOKEN"
"""The caller that may do everything."""

READER = "API_READ_TOKEN"
"""The caller that only reads."""

LOCAL = "local"
"""The caller where no token is configured: only this machine can reach the service then."""

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
CORS_HEADERS = {
    "Access-Control-Allow-Methods": "GET, POST, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Request-ID, Idempotency-Key, Last-Event-ID",
    "Access-Control-Expose-Headers": "X-Request-ID, Location",
    "Access-Control-Max-Age": "600",
}


class AccessRules:
    """The checks before a request is served, and the headers on its answer."""

    def __init__(self, settings: Settings, throttle: Throttle) -> None:
        self._settings = settings
        self._throttle = throttle
        self._sessions = Sessions(configured_tokens(settings))
        self._writers = threading.BoundedSemaphore(settings.max_writers)

    def set_up(self, app: Flask) -> None:
        app.before_request(self._check)
        app.after_request(self._add_headers)
        app.teardown_request(self._leave)

    def _check(self) -> Response | None:
        self._check_host()
        self._check_origin()
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return Response(status=204)  # a browser asks first; what it may do stands in the headers
        route = policy.current()
        is_open = route.access == "open" if route else request.blueprint in OPEN_BLUEPRINTS
        if not is_open:
            g.caller = self._caller()
        elif route and route.tells_more:
            with suppress(Unauthorized, TooManyAttempts):
                g.caller = self._caller()
        if g.get("caller") == READER:
            _expect_reading(route)
        if route and route.occupies:
            self._enter_as_writer()
        return None

    def _caller(self) -> str:
        """By the token of the request or else by its session.

        Raises Unauthorized, TooManyAttempts for one wrong token too many, or Forbidden for a forged write.
        """
        authorization = request.headers.get("Authorization")
        session = self._sessions.of(request.cookies.get(COOKIE)) if authorization is None else None
        if session is None:
            return self._by_token(authorization)
        if request.method not in SAFE_METHODS:
            session.expect_csrf(request.headers.get(CSRF_HEADER, ""))
        return session.caller

    def _by_token(self, authorization: str | None) -> str:
        try:
            return caller(self._settings, authorization or "")
        except Unauthorized:
            if authorization:
                self._throttle.failed(g.client)
            raise

    def _check_host(self) -> None:
        """A page of another site can make its own name mean 127.0.0.1; its browser still sends that name."""
        if self._settings.http_hosts or is_loopback(self._settings.host):
            name = urlsplit(f"//{request.host}").hostname or ""
            if not (is_loopback(name) or name in self._settings.http_hosts):
                raise Forbidden(say("host_header_not_allowed"))

    def _check_origin(self) -> None:
        origin = request.headers.get("Origin", "").lower()
        if origin in self._settings.cors_origins:
            return
        foreign = bool(origin) and origin != request.host_url.rstrip("/").lower()
        if foreign or request.headers.get("Sec-Fetch-Site") == "cross-site":
            raise Forbidden(say("cross_site_request"))

    def _enter_as_writer(self) -> None:
        if not self._writers.acquire(blocking=False):
            raise ServiceUnavailable(say("too_many_operations"), can_retry=True)
        g.writer = True

    def _leave(self, _error: BaseException | None) -> None:
        if g.pop("writer", False):
            self._writers.release()

    def _add_headers(self, response: Response) -> Response:
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        if response.mimetype == "application/json":
            response.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
        if response.status_code == Unauthorized.status:
            response.headers["WWW-Authenticate"] = "Bearer"
        origin = request.headers.get("Origin", "").lower()
        if origin in self._settings.cors_origins:
            response.headers.update({**CORS_HEADERS, "Access-Control-Allow-Origin": request.headers["Origin"]})
        if self._settings.cors_origins:
            response.vary.add("Origin")
        return response


def _expect_reading(route: Policy | None) -> None:
    """Raise Forbidden for what a token that may only read is not for."""
    if route and route.access == "whole_data":
        raise Forbidden(say("read_token_cannot_download"))
    if (route.access if route else "write") == "write" and request.method not in SAFE_METHODS:
        raise Forbidden(say("read_token_cannot_write"))


def caller(settings: Settings, authorization: str) -> str:
    """Which token an Authorization header has, by its name. Raises Unauthorized."""
    tokens = configured_tokens(settings)
    if not tokens:
        return LOCAL
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "bearer":
        for name, token in tokens.items():
            if _same(given, token):
                return name
    raise Unauthorized(say("token_wrong"))


def configured_tokens(settings: Settings) -> dict[str, str]:
    """The tokens by the name of their caller."""
    tokens = {FULL: settings.api_token, READER: settings.api_read_token}
    return {name: token for name, token in tokens.items() if token}


def _same(given: str, token: str) -> bool:
    """In constant time, so that the time it takes tells nothing about the token."""
    return hmac.compare_digest(given.strip().encode(), token.encode())
