"""Sessions of the admin panel: a cookie in place of a token with every request.

Of those that a token of the environment began nothing is kept. Such a cookie is signed with a key that comes from the
token it was given for, so sessions live through a restart and end when that token changes. The reading token can't sign
a session of the other one. Users' sessions are rows of the jobs database.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Response, request
from itsdangerous import BadData, URLSafeTimedSerializer

from common.errors import Forbidden
from common.messages import say

COOKIE = "vector_session"
CSRF_HEADER = "X-CSRF-Token"
LIFETIME_SECONDS = 12 * 3600


@dataclass(frozen=True)
class Session:
    """Whose it is (a caller, by its name), until when, and what a page of ours sends along with each write."""

    caller: str
    expires: datetime
    csrf_token: str

    def expect_csrf(self, given: str) -> None:
        """Raise Forbidden unless a write carries this session's own token: the cookie alone comes with any request."""
        if not hmac.compare_digest(given.encode(), self.csrf_token.encode()):
            raise Forbidden(say("csrf_token_wrong"))


class Sessions:
    """Signs cookies and reads them. tokens: those that are configured, by the name of their caller."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._keys = {caller: _derived(token.encode(), f"session of {caller}") for caller, token in tokens.items()}

    def begin(self, caller: str) -> str:
        """The cookie of a new session."""
        return self._serializer(caller).dumps(secrets.token_hex(16))

    def of(self, cookie: str | None) -> Session | None:
        """The session a cookie stands for; None if it is not ours, or too old."""
        for caller in self._keys if cookie else ():
            try:
                given, since = self._serializer(caller).loads(
                    cookie or "", max_age=LIFETIME_SECONDS, return_timestamp=True
                )
            except BadData:
                continue
            csrf_token = _derived(self._keys[caller], f"csrf of {given}").hex()
            return Session(caller, since + timedelta(seconds=LIFETIME_SECONDS), csrf_token)
        return None

    def _serializer(self, caller: str) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self._keys[caller], salt=caller, signer_kwargs={"digest_method": hashlib.sha256})


def set_session(response: Response, cookie: str) -> None:
    """Give a browser the cookie of a session."""
    response.set_cookie(COOKIE, cookie, max_age=LIFETIME_SECONDS, **_attributes())


def take_session(response: Response) -> None:
    """Take it away."""
    response.delete_cookie(COOKIE, **_attributes())


def _attributes() -> dict[str, Any]:
    """No script reads it and no other site sends it. Behind a proxy that ends TLS only the Origin tells of https."""
    secure = request.is_secure or request.headers.get("Origin", "").startswith("https://")
    return {"httponly": True, "samesite": "Strict", "secure": secure, "path": "/"}


def _derived(key: bytes, purpose: str) -> bytes:
    return hmac.digest(key, purpose.encode(), "sha256")
