"""Users: made, changed, signed in and out. What the API, the panel and the command line do with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from common.errors import Forbidden, NotFound, TooManyAttempts, Unauthorized
from common.messages import say
from data_pipeline.accounts import passwords
from data_pipeline.accounts.roles import UserRole
from data_pipeline.jobs.backend.accounts import secrets
from data_pipeline.jobs.backend.accounts.attempts import Attempts
from data_pipeline.jobs.backend.accounts.sessions import UserSessions
from data_pipeline.jobs.backend.accounts.tokens import UserToken, UserTokens
from data_pipeline.jobs.backend.accounts.users import User, Users
from data_pipeline.jobs.backend.database import JobsDatabase

MOST_OF_AN_ACCOUNT = 10
MOST_OF_AN_ADDRESS = 50
"""Wrong passwords within Attempts' window. Many people may share an address."""


@dataclass(frozen=True)
class SignedInUser:
    """A user who gave the right password, and the secret of the session that has begun."""

    user: User
    secret: str = field(repr=False)


class Accounts:
    """The users of a service. Methods raise ServiceUnavailable where the jobs database can't be reached."""

    def __init__(self, database: JobsDatabase) -> None:
        self.users = Users(database)
        self.sessions = UserSessions(database)
        self.tokens = UserTokens(database)
        self._attempts = Attempts(database)

    def sign_in(self, name: str, password: str, client: str | None, address: str) -> SignedInUser:
        """Begin a session. address: what attempts are counted by, beside the name.

        Raises Unauthorized, the same for a wrong password, an unknown name and a user who is shut out, after the same
        time; TooManyAttempts once an account or an address had too many, the right password included.
        """
        user = self._checked(name, password, address)
        if passwords.is_outdated(user.password):
            self.users.rehash(user, passwords.hashed(password))
        return self.begin(user, client)

    def begin(self, user: User, client: str | None) -> SignedInUser:
        """A new session of a user who has shown who it is."""
        self.users.note_sign_in(user.name)
        return SignedInUser(user, self.sessions.begin(user.name, client))

    def user(self, name: str) -> User:
        """Raises NotFound."""
        found = self.users.find(name)
        if found is None:
            raise NotFound(say("user_unknown", name=name))
        return found

    def create(self, name: str, role: UserRole, password: str) -> User:
        """Raises ResourceExists, InvalidParams for a weak password."""
        passwords.expect_strong(password, name)
        return self.users.add(name, role, passwords.hashed(password))

    def create_first(self, link: str, name: str, password: str, address: str) -> User:
        """Make the first admin by a link. Raises Unauthorized, TooManyAttempts, InvalidParams."""
        self._count({f"address {address}": MOST_OF_AN_ADDRESS})
        passwords.expect_strong(password, name)
        user = self.users.add_first(secrets.digest(link), name, lambda: passwords.hashed(password))
        self._attempts.take_back(f"address {address}")
        return user

    def offer_first(self) -> str | None:
        """The secret of a link by which the first admin can be made, for a day; None where there is an admin."""
        link = secrets.new(secrets.LINK)
        return link if self.users.offer_first(secrets.digest(link)) else None

    def reset_password(self, name: str, password: str) -> User:
        """What an admin does: every session and token of the user ends. Raises NotFound, InvalidParams."""
        passwords.expect_strong(password, name)
        user = self.users.set_password(name, passwords.hashed(password), tokens_too=True)
        self._attempts.forgive(_account(name))
        return user

    def change_password(self, name: str, current: str, password: str, client: str | None, address: str) -> SignedInUser:
        """What a user does: every session ends, a new one begins, tokens stay.

        Raises Forbidden for a wrong current password, TooManyAttempts, InvalidParams.
        """
        try:
            user = self._checked(name, current, address)
        except Unauthorized:  # the session is good: a client would take this for its end
            raise Forbidden(say("current_password_wrong")) from None
        passwords.expect_strong(password, name)
        user = self.users.set_password(user.name, passwords.hashed(password), tokens_too=False)
        return self.begin(user, client)

    def new_token(self, user: str, name: str, days: int | None) -> tuple[UserToken, str]:
        """A token and its secret, which is not kept. Raises ResourceExists."""
        secret = secrets.new(secrets.TOKEN)
        lifetime = timedelta(days=days) if days is not None else None
        return self.tokens.add(user, name, secrets.digest(secret), lifetime), secret

    def forget(self) -> None:
        """Sessions, links and attempts whose time is over."""
        self.sessions.forget()
        self.users.forget()
        self._attempts.forget()

    def _checked(self, name: str, password: str, address: str) -> User:
        """The user whose password it is. The attempt is counted before the password is looked at."""
        self._count({f"address {address}": MOST_OF_AN_ADDRESS, _account(name): MOST_OF_AN_ACCOUNT})
        user = self.users.find(name)
        right = passwords.matches(user.password if user else None, password)
        if user is None or not right or user.disabled:
            raise Unauthorized(say("password_wrong"))
        self._attempts.forgive(_account(name))
        self._attempts.take_back(f"address {address}")
        return user

    def _count(self, limits: Mapping[str, int]) -> None:
        wait = self._attempts.count(limits)
        if wait is not None:
            raise TooManyAttempts(wait)


def _account(name: str) -> str:
    return f"account {name}"
