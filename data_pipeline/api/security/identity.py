"""From a request to its caller: a token of the environment, a user's token, or a session of either."""

import hmac
import threading
from collections import OrderedDict
from dataclasses import dataclass

from flask import Request, g

from common.errors import Unauthorized
from common.messages import say
from data_pipeline.accounts.accounts import Accounts
from data_pipeline.accounts.roles import Caller, Role, called
from data_pipeline.api.policy import SAFE_METHODS, permits
from data_pipeline.api.security.session import COOKIE, CSRF_HEADER, Session, Sessions
from data_pipeline.api.security.throttle import Throttle
from data_pipeline.jobs.backend.accounts import secrets
from data_pipeline.settings import Settings

FULL = "API_TOKEN"
READER = "API_READ_TOKEN"
LOCAL = Caller("local", "admin")
"""The caller where no token is configured: only this machine can reach the service then."""

TOKENS: dict[str, Role] = {FULL: "admin", READER: "reader"}
"""The tokens of the environment, by the name of their setting."""

MOST_REMEMBERED = 1024


@dataclass(frozen=True)
class LiveSession:
    """What a cookie stands for. renewed: the cookie in its place, where its secret was exchanged."""

    caller: Caller
    session: Session
    renewed: str | None = None


class Identity:
    """Tells who asks. The tokens of the environment are known without the jobs database, users are not."""

    def __init__(self, settings: Settings, accounts: Accounts, throttle: Throttle) -> None:
        self.tokens = configured_tokens(settings)
        self.cookies = Sessions(self.tokens)
        self.accounts = accounts
        self._throttle = throttle
        self._uploaders: OrderedDict[bytes, None] = OrderedDict()
        self._guard = threading.Lock()

    @property
    def sign_in_required(self) -> bool:
        return bool(self.tokens)

    def of(self, request: Request) -> Caller:
        """By the token of the request or else by its session.

        Raises Unauthorized, TooManyAttempts for one wrong token too many, Forbidden for a forged write, or
        ServiceUnavailable where only the jobs database knows.
        """
        authorization = request.headers.get("Authorization")
        live = self.session(request.cookies.get(COOKIE)) if authorization is None else None
        if live is None:
            return self._by_token(authorization)
        if request.method not in SAFE_METHODS:
            live.session.expect_csrf(request.headers.get(CSRF_HEADER, ""))
        g.renewed_cookie = live.renewed
        self._remember(live.renewed or request.cookies[COOKIE], live.caller)
        return live.caller

    def session(self, cookie: str | None) -> LiveSession | None:
        """What a cookie stands for; None if it is not ours, or its time is over. Raises ServiceUnavailable."""
        if not (cookie and self.tokens):
            return None
        if cookie.startswith(secrets.SESSION):
            found = self.accounts.sessions.find(cookie)
            if found is None:
                return None
            caller = Caller(called(found.user), found.role, found.user, found.id)
            return LiveSession(caller, Session(caller.who, found.expires_at, found.csrf_token), found.renewed)
        signed = self.cookies.of(cookie)
        return LiveSession(of_token(signed.caller), signed) if signed else None

    def of_environment(self, token: str) -> Caller:
        """Which of the environment's tokens it is. Raises Unauthorized."""
        for name, configured in self.tokens.items():
            if _same(token, configured):
                return of_token(name)
        raise Unauthorized(say("token_wrong"))

    def _of_token(self, token: str) -> Caller:
        """Whose a token is. Raises Unauthorized, or ServiceUnavailable."""
        if token.startswith(secrets.TOKEN) and self.tokens:
            found = self.accounts.tokens.find(secrets.digest(token))
            if found is not None:
                user, role = found
                return Caller(called(user), role, user)
        return self.of_environment(token)

    def may_upload(self, authorization: str, cookie: str | None) -> bool:
        """Whether a large body may be taken in before its route is asked. Never asks the jobs database: the thread
        that takes in every request must not wait. So a user's credential counts once it was let in."""
        token = _bearer(authorization)
        if not self.tokens or any(_same(token, one) for name, one in self.tokens.items() if name == FULL):
            return True
        if not authorization and cookie and (signed := self.cookies.of(cookie)):
            return signed.caller == FULL
        with self._guard:
            return secrets.digest(token if authorization else cookie or "") in self._uploaders

    def _by_token(self, authorization: str | None) -> Caller:
        if not self.tokens:
            return LOCAL
        token = _bearer(authorization or "")
        try:
            caller = self._of_token(token)
        except Unauthorized:
            if authorization:
                self._throttle.failed(g.client)
            raise
        self._remember(token, caller)
        return caller

    def _remember(self, secret: str, caller: Caller) -> None:
        """A user who may send a large body."""
        if caller.user is None or not permits("write", caller):
            return
        with self._guard:
            self._uploaders[secrets.digest(secret)] = None
            self._uploaders.move_to_end(secrets.digest(secret))
            if len(self._uploaders) > MOST_REMEMBERED:
                self._uploaders.popitem(last=False)


def of_token(name: str) -> Caller:
    """The caller that a token of the environment stands for."""
    return Caller(name, TOKENS[name])


def configured_tokens(settings: Settings) -> dict[str, str]:
    """The tokens of the environment, by the name of their setting."""
    tokens = {FULL: settings.api_token, READER: settings.api_read_token}
    return {name: token for name, token in tokens.items() if token}


def _bearer(authorization: str) -> str:
    scheme, _, given = authorization.partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""


def _same(given: str, token: str) -> bool:
    """In constant time, so that the time it takes tells nothing about the token."""
    return hmac.compare_digest(given.encode(errors="surrogatepass"), token.encode())
