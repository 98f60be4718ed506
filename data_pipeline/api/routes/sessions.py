"""Sessions of the admin panel."""

from flask import Response

from data_pipeline.api.answers import operating
from data_pipeline.api.openapi.vocabulary import ALWAYS, OPEN
from data_pipeline.api.policy import Policy
from data_pipeline.api.requests.bodies import SignInBody
from data_pipeline.api.routes.resource import Resource
from data_pipeline.api.security.sign_in import SignIn
from data_pipeline.api.security.throttle import Throttle
from data_pipeline.engine import Engine


def routes(engine: Engine, throttle: Throttle) -> Resource:
    api = Resource("sessions")
    sessions = SignIn(engine.settings, throttle)

    @api.get("/session", summary="Show the panel's session")
    @Policy(access="open", tag="Panel", answers={200: [operating.ShownSession]}, failures=OPEN)
    def show_session() -> Response:
        """Whether a token is needed, and what the cookie that came along may do. Needs no token."""
        return sessions.show()

    @api.post("/session", summary="Sign in to the panel")
    @Policy(
        access="open",
        tag="Panel",
        answers={200: [operating.SignedIn]},
        failures=(*ALWAYS, "MISSING_REQUIRED_PARAMS", "PAYLOAD_TOO_LARGE"),
    )
    def sign_in(body: SignInBody) -> Response:
        """Gives a cookie for a token. A write that comes with the cookie needs the session's token in
        X-CSRF-Token."""
        return sessions.begin(body.token)

    @api.delete("/session", summary="Sign out of the panel")
    @Policy(
        access="open",
        tag="Panel",
        answers={200: [operating.SignedOut]},
        failures=(*OPEN, "PAYLOAD_TOO_LARGE"),
    )
    def sign_out() -> Response:
        """Takes the cookie away."""
        return sessions.end()

    return api
