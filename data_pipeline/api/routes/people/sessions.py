"""Sessions of the admin panel."""

from flask import Response

from data_pipeline.api.answers import operating
from data_pipeline.api.openapi.vocabulary import ALWAYS, OPEN
from data_pipeline.api.policy import Policy
from data_pipeline.api.requests.bodies import SignInBody
from data_pipeline.api.routes.resource import Resource
from data_pipeline.api.security.sign_in import SignIn


def routes(sessions: SignIn) -> Resource:
    api = Resource("sessions")

    @api.get("/session", summary="Show the panel's session")
    @Policy(access="open", tag="Panel", answers={200: [operating.ShownSession]}, failures=OPEN)
    def show_session() -> Response:
        """Whether one has to sign in, and what the cookie that came along may do. Needs no token."""
        return sessions.show()

    @api.post("/session", summary="Sign in to the panel")
    @Policy(
        access="open",
        tag="Panel",
        answers={200: [operating.SignedIn]},
        failures=(*ALWAYS, "MISSING_REQUIRED_PARAMS", "PAYLOAD_TOO_LARGE", "SERVICE_UNAVAILABLE"),
    )
    def sign_in(body: SignInBody) -> Response:
        """Gives a cookie for a user's name and password, or for a token. A write that comes with the cookie needs the
        session's token in X-CSRF-Token."""
        if body.token is not None:
            return sessions.by_token(body.token)
        return sessions.by_password(body.name or "", body.password or "")

    @api.delete("/session", summary="Sign out of the panel")
    @Policy(
        access="open",
        tag="Panel",
        answers={200: [operating.SignedOut]},
        failures=(*OPEN, "PAYLOAD_TOO_LARGE", "SERVICE_UNAVAILABLE"),
    )
    def sign_out() -> Response:
        """Ends a user's session, and takes the cookie away."""
        return sessions.end()

    return api
