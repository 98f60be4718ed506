"""Signing in to the admin panel: a password or a token is given once, in a body, and a cookie comes back."""

from typing import Literal

from flask import Response, g, request

from common.errors import ServiceUnavailable, Unauthorized
from common.messages import say
from data_pipeline.accounts.accounts import SignedInUser
from data_pipeline.accounts.roles import Caller, called
from data_pipeline.api.answers.operating import ShownSession, SignedIn, SignedOut
from data_pipeline.api.policy import ROLES, permits
from data_pipeline.api.routes.resource import answer
from data_pipeline.api.security import client_address
from data_pipeline.api.security.identity import LOCAL, Identity, LiveSession
from data_pipeline.api.security.session import COOKIE, set_session, take_session
from data_pipeline.api.security.throttle import Throttle


class SignIn:
    """The answers of the routes about sessions."""

    def __init__(self, identity: Identity, throttle: Throttle) -> None:
        self._identity = identity
        self._accounts = identity.accounts
        self._throttle = throttle

    def show(self) -> Response:
        """Whether one has to sign in, and what the request's cookie may do. A user's session isn't known while the jobs
        database is away: then one may sign in with a token."""
        try:
            live = self._identity.session(request.cookies.get(COOKIE))
        except ServiceUnavailable:
            live = None
        g.renewed_cookie = live.renewed if live else None
        required = self._identity.sign_in_required
        caller = live.caller if live else None if required else LOCAL
        session = live.session if live else None
        return answer(
            ShownSession(
                response=say("session_shown") if caller else say("not_signed_in"),
                sign_in_required=required,
                access=_access(caller) if caller else None,
                role=caller.role if caller else None,
                user=caller.user if caller else None,
                may=[access for access in ROLES if caller and permits(access, caller)],
                csrf_token=session.csrf_token if session else None,
                expires_at=session.expires if session else None,
            )
        )

    def by_token(self, token: str) -> Response:
        """With a token of the environment: that of a user would make lasting what a thief of it has.

        Raises Unauthorized for a wrong token, TooManyAttempts for one too many.
        """
        self._expect_needed()
        g.signing_in = True
        try:
            g.caller = self._identity.of_environment(token.strip())
        except Unauthorized:
            self._throttle.failed(g.client)
            raise
        return self._signed_in(g.caller, self._identity.cookies.begin(g.caller.who))

    def by_password(self, name: str, password: str) -> Response:
        """Raises Unauthorized, TooManyAttempts."""
        self._expect_needed()
        g.signing_in = True
        signed_in = self._accounts.sign_in(name.strip().lower(), password, g.client, self.address())
        return self.begun(signed_in)

    def begun(self, signed_in: SignedInUser) -> Response:
        """A user's session has begun."""
        user = signed_in.user
        g.caller = Caller(called(user.name), user.role, user.name)
        return self._signed_in(g.caller, signed_in.secret)

    def end(self) -> Response:
        """End a user's session, and take the cookie away."""
        live = self._own()
        if live and live.caller.session is not None:
            g.caller = live.caller
            self._accounts.sessions.end(live.caller.session)
        response = answer(SignedOut(response=say("signed_out")))
        take_session(response)
        return response

    @staticmethod
    def address() -> str:
        """What attempts are counted by."""
        return client_address.group(g.client)

    def _own(self) -> LiveSession | None:
        """Raises ServiceUnavailable where a user's session can't be ended: its cookie would go on to be good."""
        return self._identity.session(request.cookies.get(COOKIE))

    def _expect_needed(self) -> None:
        if not self._identity.sign_in_required:
            raise Unauthorized(say("no_sign_in_needed"))

    def _signed_in(self, caller: Caller, cookie: str) -> Response:
        response = answer(SignedIn(response=say("signed_in"), access=_access(caller), role=caller.role))
        set_session(response, cookie)
        return response


def _access(caller: Caller) -> Literal["read", "write"]:
    return "write" if permits("write", caller) else "read"
