"""A user's own account: its password, sessions and tokens."""

from flask import Response, g

from common.errors import Forbidden
from common.messages import say
from data_pipeline.accounts.accounts import Accounts
from data_pipeline.accounts.roles import Caller
from data_pipeline.api import BASE
from data_pipeline.api.answers import accounts as answers
from data_pipeline.api.answers.operating import SignedIn
from data_pipeline.api.openapi.vocabulary import ALWAYS
from data_pipeline.api.policy import Policy
from data_pipeline.api.requests import accounts as requests
from data_pipeline.api.routes.resource import Resource, answer
from data_pipeline.api.security.session import take_session
from data_pipeline.api.security.sign_in import SignIn

TAG = "Users"
KEPT = (*ALWAYS, "SERVICE_UNAVAILABLE")
CHANGING = (*KEPT, "PAYLOAD_TOO_LARGE")


def routes(accounts: Accounts, sign_in: SignIn) -> Resource:
    api = Resource("account", prefix=BASE)
    _add_session(api, accounts, sign_in)
    _add_tokens(api, accounts)
    return api


def _add_session(api: Resource, accounts: Accounts, sign_in: SignIn) -> None:
    @api.get("/account", summary="Show one's own account")
    @Policy(access="own", tag=TAG, answers={200: [answers.ShownUser]}, failures=(*KEPT, "RESOURCE_NOT_FOUND"))
    def show_account() -> Response:
        """Name, role, and since when the password is this one."""
        return answer(answers.ShownUser.of(accounts.user(_own()), response=say("account_shown")))

    @api.post("/account/password", summary="Change one's own password")
    @Policy(
        access="own",
        tag=TAG,
        answers={200: [SignedIn]},
        failures=(*CHANGING, "MISSING_REQUIRED_PARAMS"),
    )
    def change_password(body: requests.OwnPassword) -> Response:
        """Every session ends, on every device; the answer begins a new one. Tokens stay. Only in a session."""
        _expect_session()
        changed = accounts.change_password(_own(), body.current_password, body.password, g.client, sign_in.address())
        g.renewed_cookie = None
        return sign_in.begun(changed)

    @api.post("/account/sign-out", summary="Sign out everywhere")
    @Policy(access="own", tag=TAG, answers={200: [answers.EndedSessions]}, failures=CHANGING)
    def sign_out_everywhere() -> Response:
        """Every session ends, this one too. Tokens stay."""
        ended = accounts.sessions.end_all(_own())
        g.renewed_cookie = None
        response = answer(answers.EndedSessions(response=say("sessions_ended"), ended=ended))
        take_session(response)
        return response


def _add_tokens(api: Resource, accounts: Accounts) -> None:
    @api.get("/account/tokens", summary="List one's own tokens")
    @Policy(access="own", tag=TAG, answers={200: [answers.TokenList]}, failures=KEPT)
    def list_tokens() -> Response:
        """Without their secrets, which are not kept."""
        return answer(answers.TokenList.told(accounts.tokens.of(_own())))

    @api.post("/account/tokens", summary="Create a token")
    @Policy(
        access="own",
        tag=TAG,
        answers={201: [answers.CreatedToken]},
        failures=(*CHANGING, "MISSING_REQUIRED_PARAMS", "RESOURCE_EXISTS"),
    )
    def create_token(body: requests.NewToken) -> Response:
        """For programs: `Authorization: Bearer …`, with the role of its user. Its secret is told once. Only in a
        session: a token makes no further ones."""
        _expect_session()
        made, secret = accounts.new_token(_own(), body.name, body.days)
        return answer(answers.CreatedToken.of(made, response=say("token_created"), secret=secret), 201)

    @api.delete("/account/tokens/<token>", summary="Delete one's own token")
    @Policy(access="own", tag=TAG, answers={200: [answers.DeletedToken]}, failures=(*CHANGING, "RESOURCE_NOT_FOUND"))
    def delete_token(path: requests.TokenPath) -> Response:
        """It counts no more, from now on."""
        accounts.tokens.remove(_own(), path.token)
        return answer(answers.DeletedToken(response=say("token_deleted"), name=path.token))


def _own() -> str:
    caller: Caller = g.caller
    return str(caller.user)


def _expect_session() -> None:
    """Raise Forbidden for a token, which a thief of it would make lasting by it."""
    if g.caller.session is None:
        raise Forbidden(say("session_needed"))
