"""Who may come in: callers by their role, the Host header, browsers sent by other sites, how many write at a time."""

import threading
from contextlib import suppress
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from common.errors import Forbidden, ServiceUnavailable, TooManyAttempts, Unauthorized
from common.messages import say
from data_pipeline.api import policy
from data_pipeline.api.openapi import explorer
from data_pipeline.api.security.identity import Identity
from data_pipeline.api.security.permissions import expect_permitted
from data_pipeline.api.security.session import set_session
from data_pipeline.postgres.target import is_loopback
from data_pipeline.settings import Settings

OPEN_BLUEPRINTS = explorer.PAGES | {"panel"}
"""The description of the API and the panel's own files, the same everywhere: a browser can't send a token when it
opens a page."""

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

    def __init__(self, settings: Settings, identity: Identity) -> None:
        self._settings = settings
        self._identity = identity
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
            g.caller = self._identity.of(request)
            expect_permitted(route, request.method, g.caller)
        elif route and route.tells_more:
            with suppress(Unauthorized, TooManyAttempts, ServiceUnavailable):
                g.caller = self._identity.of(request)
        if route and route.occupies:
            self._enter_as_writer()
        return None

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
        if renewed := g.pop("renewed_cookie", None):
            set_session(response, renewed)
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
