"""Users, and what has been done: for admins."""

from flask import Response, g

from common.errors import Forbidden
from common.messages import say
from data_pipeline.accounts.audit import AuditTrail
from data_pipeline.api import BASE
from data_pipeline.api.answers import accounts as answers
from data_pipeline.api.answers.operating import SignedIn
from data_pipeline.api.openapi.vocabulary import ALWAYS
from data_pipeline.api.policy import Policy
from data_pipeline.api.requests import accounts as requests
from data_pipeline.api.routes.resource import Resource, answer
from data_pipeline.api.security.identity import Identity
from data_pipeline.api.security.sign_in import SignIn

TAG = "Users"
KEPT = (*ALWAYS, "SERVICE_UNAVAILABLE")
GIVEN = ("MISSING_REQUIRED_PARAMS", "PAYLOAD_TOO_LARGE")
OF_ONE = (*KEPT, "PAYLOAD_TOO_LARGE", "RESOURCE_NOT_FOUND")


def routes(identity: Identity, sign_in: SignIn, trail: AuditTrail) -> Resource:
    api = Resource("users", prefix=BASE)
    _add_users(api, identity)
    _add_first(api, identity, sign_in)
    _add_credentials(api, identity)
    _add_audit(api, trail)
    return api


def _add_users(api: Resource, identity: Identity) -> None:
    accounts = identity.accounts

    @api.get("/users", summary="List the users")
    @Policy(access="write", tag=TAG, answers={200: [answers.UserList]}, failures=KEPT)
    def list_users() -> Response:
        """By name, with their roles and how many sessions each has."""
        users, counts = accounts.users.all(), accounts.sessions.counts()
        listed = [answers.CountedUser.of(user, sessions=counts.get(user.name, 0)) for user in users]
        return answer(answers.UserList(response=say("users_listed", count=len(users)), users=listed))

    @api.post("/users", summary="Create a user")
    @Policy(access="write", tag=TAG, answers={201: [answers.ShownUser]}, failures=(*KEPT, *GIVEN, "RESOURCE_EXISTS"))
    def create_user(body: requests.NewUser) -> Response:
        """A user who signs in with a name and a password. Refused where no token is configured: every client of this
        machine may do everything then, and there is nothing to sign in to."""
        if not identity.sign_in_required:
            raise Forbidden(say("users_need_a_token"))
        user = accounts.create(body.name, body.role, body.password)
        return answer(answers.ShownUser.of(user, response=say("user_created")), 201)

    @api.put("/users/<name>", summary="Change a user's role, or shut a user out")
    @Policy(
        access="write",
        tag=TAG,
        answers={200: [answers.ShownUser]},
        failures=(*OF_ONE, "MISSING_REQUIRED_PARAMS", "LAST_ADMIN"),
    )
    def change_user(path: requests.UserPath, body: requests.ChangedUser) -> Response:
        """Holds at once, for sessions and tokens too. Refused where no admin would be left."""
        user = accounts.users.change(path.name, body.role, body.disabled)
        return answer(answers.ShownUser.of(user, response=say("user_changed")))

    @api.delete("/users/<name>", summary="Delete a user")
    @Policy(access="write", tag=TAG, answers={200: [answers.DeletedUser]}, failures=(*OF_ONE, "LAST_ADMIN"))
    def delete_user(path: requests.UserPath) -> Response:
        """Its sessions and tokens go with it; what it has done stays in the audit log. Refused where no admin would be
        left."""
        accounts.users.remove(path.name)
        return answer(answers.DeletedUser(response=say("user_deleted"), name=path.name))


def _add_first(api: Resource, identity: Identity, sign_in: SignIn) -> None:
    @api.post("/users/first", summary="Create the first admin by the link of the first start")
    @Policy(
        access="open",
        tag=TAG,
        answers={200: [SignedIn]},
        failures=(*KEPT, *GIVEN, "RESOURCE_EXISTS"),
    )
    def create_first_admin(body: requests.FirstAdmin) -> Response:
        """A link is good for a day, and for one admin: with the first admin every link is used up. The answer begins a
        session."""
        g.signing_in = True
        user = identity.accounts.create_first(body.link, body.name, body.password, sign_in.address())
        return sign_in.begun(identity.accounts.begin(user, g.client))


def _add_credentials(api: Resource, identity: Identity) -> None:
    accounts = identity.accounts

    @api.post("/users/<name>/password", summary="Give a user another password")
    @Policy(access="write", tag=TAG, answers={200: [answers.ShownUser]}, failures=(*OF_ONE, "MISSING_REQUIRED_PARAMS"))
    def reset_password(path: requests.UserPath, body: requests.NewPassword) -> Response:
        """Every session and every token of the user ends, and a lock-out with them."""
        user = accounts.reset_password(path.name, body.password)
        return answer(answers.ShownUser.of(user, response=say("password_changed")))

    @api.post("/users/<name>/sign-out", summary="End every session of a user")
    @Policy(access="write", tag=TAG, answers={200: [answers.EndedSessions]}, failures=OF_ONE)
    def sign_user_out(path: requests.UserPath) -> Response:
        """On every device. Tokens stay."""
        user = accounts.user(path.name)
        return answer(answers.EndedSessions(response=say("sessions_ended"), ended=accounts.sessions.end_all(user.name)))

    @api.get("/users/<name>/tokens", summary="List a user's tokens")
    @Policy(access="write", tag=TAG, answers={200: [answers.TokenList]}, failures=(*KEPT, "RESOURCE_NOT_FOUND"))
    def list_user_tokens(path: requests.UserPath) -> Response:
        """Without their secrets, which are not kept."""
        return answer(answers.TokenList.told(accounts.tokens.of(accounts.user(path.name).name)))

    @api.delete("/users/<name>/tokens/<token>", summary="Delete a user's token")
    @Policy(access="write", tag=TAG, answers={200: [answers.DeletedToken]}, failures=OF_ONE)
    def delete_user_token(path: requests.UserTokenPath) -> Response:
        """It counts no more, from now on."""
        accounts.tokens.remove(path.name, path.token)
        return answer(answers.DeletedToken(response=say("token_deleted"), name=path.token))


def _add_audit(api: Resource, trail: AuditTrail) -> None:
    @api.get("/audit", summary="Show the audit log")
    @Policy(access="write", tag=TAG, answers={200: [answers.AuditPage]}, failures=KEPT)
    def show_audit(query: requests.AuditQuery) -> Response:
        """Who did what to which set, from where: every write and download, every sign-in, every job that has ended,
        of a schedule or a command too. Newest first."""
        found = trail.page(query.who, query.what, query.set_name, query.after, query.limit)
        return answer(answers.AuditPage.told(found, query.limit))
