"""Random secrets that are given away once: of sessions, tokens and first-admin links. Only their digest is kept."""

import hashlib
import secrets

SESSION = "vbs_"
TOKEN = "vbt_"  # noqa: S105
LINK = "vbl_"
"""What each begins with: so it is known which it is, and that it is no token of the environment, without a look-up."""

RANDOM_BYTES = 32


def new(kind: str) -> str:
    """One with 256 bits of chance: no salt and no slow hash is needed."""
    return kind + secrets.token_urlsafe(RANDOM_BYTES)


def digest(secret: str) -> bytes:
    """What is kept of one."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()
