"""Passwords: argon2id, as hard as OWASP's cheat sheet asks, and none that is quickly guessed."""

import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from common.errors import InvalidParams
from common.messages import say

SHORTEST = 10
LONGEST_JUDGED = 72
"""zxcvbn refuses a longer one; its beginning is enough to judge it by."""

GOOD_SCORE = 3
"""Of zxcvbn's 0 to 4: more than 10^8 guesses."""

HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
NO_HASH = "$argon2id$v=19$m=19456,t=2,p=1$LfWj8/cryJkDsdmZSkVebw$7Fqz2934Vf9PTSHhwe339nSqjXG5i9xLcrOYjfdqY+c"
"""Of a password that is not known: what a name without a user is compared with, so that it takes as long."""

_PLACES = threading.BoundedSemaphore(4)
"""Each hash takes 19 MB while it is computed: clients that guess must not take the memory of a restore."""


def hashed(password: str) -> str:
    """The text that is kept: salt, parameters and hash."""
    with _PLACES:
        return HASHER.hash(_plain(password))


def matches(kept: str | None, given: str) -> bool:
    """Whether a password is the one that was hashed; None: of no user, which takes as long to find out."""
    with _PLACES:
        try:
            return HASHER.verify(kept or NO_HASH, _plain(given)) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(kept: str) -> bool:
    """It was hashed with weaker parameters than now."""
    return HASHER.check_needs_rehash(kept)


def expect_strong(password: str, user: str) -> None:
    """Raise InvalidParams for one that is short, or quickly guessed."""
    from zxcvbn import zxcvbn  # its lists of words take a tenth of a second to load

    if len(password) < SHORTEST:
        raise _weak(say("password_too_short", least=SHORTEST))
    told = [user, "vector", "backup", "restore", "postgres"]
    if zxcvbn(password[:LONGEST_JUDGED], user_inputs=told)["score"] < GOOD_SCORE:
        raise _weak(say("password_easily_guessed"))


def _weak(text: str) -> InvalidParams:
    return InvalidParams(text, details={"field": "password"})


def _plain(password: str) -> str:
    """The same text from every keyboard (NIST SP 800-63B, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
