"""Signing in to the admin panel: a token is given once, in a body, and a cookie comes back."""

from typing import Any, Literal

from flask import Response, g, request

from common.errors import Unauthorized
from common.messages import say
from data_pipeline.api.answers.operating import ShownSession, SignedIn, SignedOut
from data_pipeline.api.routes.resource import answer
from data_pipeline.api.security.access import LOCAL, READER, caller, configured_tokens
from data_pipeline.api.security.session import COOKIE, LIFETIME_SECONDS, Sessions
from data_pipeline.api.security.throttle import Throttle
from data_pipeline.settings import Settings


class SignIn:
    """The answers of the routes about sessions."""

    def __init__(self, settings: Settings, throttle: Throttle) -> None:
        self._settings = settings
        self._sessions = Sessions(configured_tokens(settings))
        self._throttle = throttle

    def show(self) -> Response:
        """Whether a token is needed, and what the request's cookie may do."""
        session = self._sessions.of(request.cookies.get(COOKIE))
        who = session.caller if session else None if configured_tokens(self._settings) else LOCAL
        return answer(
            ShownSession(
                response=say("session_shown") if who else say("not_signed_in"),
                sign_in_required=bool(configured_tokens(self._settings)),
                access=_access(who) if who else None,
                csrf_token=session.csrf_token if session else None,
                expires_at=session.expires if session else None,
            )
        )

    def begin(self, token: str) -> Response:
        """Raises Unauthorized for a wrong token, TooManyAttempts for one too many."""
        try:
            who = caller(self._settings, f"Bearer {token}")
        except Unauthorized:
            self._throttle.failed(g.client)
            raise
        if who == LOCAL:
            raise Unauthorized(say("no_sign_in_needed"))
        g.caller = who
        response = answer(SignedIn(response=say("signed_in"), access=_access(who)))
        response.set_cookie(COOKIE, self._sessions.begin(who), max_age=LIFETIME_SECONDS, **_attributes())
        return response

    def end(self) -> Response:
        """Take the cookie away."""
        response = answer(SignedOut(response=say("signed_out")))
        response.delete_cookie(COOKIE, **_attributes())
        return response


def _access(who: str) -> Literal["read", "write"]:
    return "read" if who == READER else "write"


def _attributes() -> dict[str, Any]:
    """No script reads it and no other site sends it. Behind a proxy that ends TLS only the Origin tells of https."""
    secure = request.is_secure or request.headers.get("Origin", "").startswith("https://")
    return {"httponly": True, "samesite": "Strict", "secure": secure, "path": "/"}
