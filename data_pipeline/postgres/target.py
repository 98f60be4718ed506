"""Which database a request writes to, and what may be said about it.

A target comes from one source, whole; keys of two sources are never mixed. connection_url.py reads those that are URLs.
"""

import hashlib
import ipaddress
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.errors import Forbidden
from common.messages import Message, say

DEFAULT_PORT = 5432
DIGEST_LENGTH = 32

# Without these libpq fills what is missing from PG* variables, ~/.pgpass and ~/.postgresql: credentials of the service
# itself would go to a host that a request named. A path below the null device can't exist.
NOWHERE = os.path.join(os.devnull, "none")
NOTHING_AMBIENT = {"hostaddr": "", "options": "", "passfile": NOWHERE, "sslcert": NOWHERE, "gssencmode": "disable"}

# A network that is gone without a word is noticed after a minute, not after the two hours that systems wait. What was
# sent and isn't acknowledged has a limit of its own (connection.py).
KEEPALIVES = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


@dataclass(frozen=True)
class Defaults:
    """What holds for a target that says nothing else: the schema of its tables, and a file of certificates (PEM)."""

    schema: str = "public"
    ssl_root_cert: str | None = None


DEFAULTS = Defaults()


@dataclass(frozen=True)
class Target:
    """One database: libpq's connection parameters, where they came from, and where the tables are in it.

    source: "pg_conn", "target", "config", "app_config" or "embedded".
    """

    source: str
    host: str
    port: int
    dbname: str
    user: str
    password: str | None = field(default=None, repr=False)
    extra: tuple[tuple[str, str], ...] = ()
    schema: str = DEFAULTS.schema
    elsewhere: bool = False
    """The schema is not the service's default, so answers name it."""
    notes: tuple[Message, ...] = ()
    """What answers warn of: parts of its URL that were ignored."""

    def parameters(self) -> dict[str, Any]:
        """Keyword arguments for psycopg2.connect, complete, so that libpq adds nothing of its own."""
        return {
            **NOTHING_AMBIENT,
            "host": self.host,
            "port": self.port,
            "dbname": self.dbname,
            "user": self.user,
            "password": self.password or "",
            **KEEPALIVES,
            **dict(self.extra),
        }

    def public(self) -> dict[str, Any]:
        """What an answer says of the target: never the password, never a real path."""
        host = "(unix socket)" if self.host.startswith(("/", "@")) else self.host
        schema = {"schema": self.schema} if self.elsewhere else {}
        place = {"host": host, "port": self.port, "dbname": self.dbname, **schema}
        return {**place, "user": self.user, "source": self.source}

    @property
    def is_here(self) -> bool:
        """Whether its server is on this machine, as far as its name tells."""
        return self.source == "embedded" or is_loopback(self.host)

    @property
    def digest(self) -> str:
        """The same for every target of one database, and nothing that tells where it is.

        Two names of one server are told apart, but not those of this machine.
        """
        return digest_of([*_place(self.host, self.port), self.dbname])


def from_mapping(config: Mapping[str, Any], source: str, defaults: Defaults = DEFAULTS) -> Target:
    """The target a mapping with host, port, dbname, user and password describes; None means libpq's default."""
    user = str(config.get("user") or "postgres")
    return Target(
        source=source,
        host=str(config.get("host") or "localhost"),
        port=int(config.get("port") or DEFAULT_PORT),
        dbname=str(config.get("dbname") or user),
        user=user,
        password=config.get("password"),
        schema=defaults.schema,
    )


def allow(target: Target, allowed_hosts: frozenset[str]) -> None:
    """Raise Forbidden unless the host is loopback or among `allowed_hosts`."""
    host = target.host.lower()
    if not (is_loopback(host) or host in allowed_hosts):
        raise Forbidden(say("database_host_not_allowed"))


def forget_libpq_variables() -> None:
    """Once read, PG* variables must not reach libpq, which would add them to connections that a request named."""
    for name in [name for name in os.environ if name.startswith("PG") and name[2:3].isupper()]:
        del os.environ[name]


def is_loopback(host: str) -> bool:
    """Whether a name or address can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def server_digest(host: str, port: int) -> str:
    """The same of a server alone, by where a connection goes."""
    return digest_of(_place(host, port))


def digest_of(facts: Sequence[str | int]) -> str:
    """What tells values apart without telling them: 32 hexadecimal digits."""
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:DIGEST_LENGTH]


def _place(host: str, port: int) -> list[str | int]:
    if host.startswith("/"):  # a Unix socket, whose directory may be reached by a link
        return [os.path.realpath(host), port]
    return ["loopback" if is_loopback(host.lower()) else host.lower(), port]
