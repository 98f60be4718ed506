"""Which database a request writes to, and what may be said about it.

A target comes from one source, whole; keys of two sources are never mixed. What a request may name (`pg_conn`) is
narrower than what the operator may configure: host, port, dbname, user, password and sslmode, nothing else.
"""

import hashlib
import ipaddress
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from common.errors import Forbidden, InvalidParams
from common.messages import say

SCHEMES = ("postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2")
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
DEFAULT_PORT = 5432
LONGEST_URL = 2048
DIGEST_LENGTH = 32
HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252})")

# Without these libpq fills what is missing from PG* variables, ~/.pgpass and ~/.postgresql: credentials of the service
# itself would go to a host that a request named. A path below the null device can't exist.
NOWHERE = os.path.join(os.devnull, "none")
NOTHING_AMBIENT = {"hostaddr": "", "options": "", "passfile": NOWHERE, "sslcert": NOWHERE, "gssencmode": "disable"}

# A network that is gone without a word is noticed after a minute, not after the two hours that systems wait. What was
# sent and isn't acknowledged has a limit of its own (connection.py).
KEEPALIVES = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


@dataclass(frozen=True)
class Target:
    """One database: libpq's connection parameters, and where they came from.

    source: "pg_conn", "target", "config", "app_config" or "embedded".
    """

    source: str
    host: str
    port: int
    dbname: str
    user: str
    password: str | None = field(default=None, repr=False)
    extra: tuple[tuple[str, str], ...] = ()

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
        return {"host": host, "port": self.port, "dbname": self.dbname, "user": self.user, "source": self.source}

    @property
    def digest(self) -> str:
        """The same for the same database, whoever names it, and nothing that tells where it is.

        Two names of one server are told apart, but not those of this machine.
        """
        return digest_of([*_place(self.host, self.port), self.dbname])


def from_url(url: str, source: str) -> Target:
    """Read `postgresql://user:password@host:port/dbname?sslmode=…`.

    LangChain's `postgresql+psycopg://` and `postgresql+psycopg2://` mean the same. Raises InvalidParams; its text
    never repeats the URL, since that holds a password.
    """
    if len(url) > LONGEST_URL or any(ord(char) < 33 or ord(char) == 127 for char in url):
        raise _invalid(say("url_length_or_characters"))
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _invalid(say("url_host_or_port")) from None
    if parts.scheme not in SCHEMES:
        raise _invalid(say("url_scheme"))
    if parts.fragment or port == 0:
        raise _invalid(say("url_host_port_or_database"))
    user = _decoded(parts.username, "user")
    return Target(
        source=source,
        host=_host(parts.hostname, parts.netloc),
        port=port or DEFAULT_PORT,
        dbname=_dbname(_decoded(parts.path.removeprefix("/"), "dbname") or user),
        user=user,
        password=_decoded(parts.password, "password") if parts.password else None,
        extra=_options(parts.query),
    )


def from_mapping(config: Mapping[str, Any], source: str) -> Target:
    """The target a mapping with host, port, dbname, user and password describes; None means libpq's default."""
    user = str(config.get("user") or "postgres")
    return Target(
        source=source,
        host=str(config.get("host") or "localhost"),
        port=int(config.get("port") or DEFAULT_PORT),
        dbname=str(config.get("dbname") or user),
        user=user,
        password=config.get("password"),
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


def _invalid(reason: str) -> InvalidParams:
    return InvalidParams(say("pg_conn_invalid", reason=reason), details={"field": "pg_conn"})


def _decoded(text: str | None, name: str) -> str:
    try:
        value = unquote(text or "", errors="strict")
    except UnicodeDecodeError:
        raise _invalid(say("url_part_not_utf8", part=name)) from None
    if "\0" in value:
        raise _invalid(say("url_part_characters", part=name))
    return value


def _host(hostname: str | None, netloc: str) -> str:
    host = hostname or ""
    if ":" in host or "[" in netloc.rpartition("@")[2]:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            raise _invalid(say("url_host")) from None
    if not HOST_NAME.fullmatch(host):
        raise _invalid(say("url_host_missing"))
    return host


def _dbname(name: str) -> str:
    # libpq would read a dbname with "=" or "://" as a connection string of its own.
    if not name or "=" in name or "://" in name or len(name.encode()) > 63:
        raise _invalid(say("url_database"))
    return name


def _options(query: str) -> tuple[tuple[str, str], ...]:
    options = parse_qsl(query, keep_blank_values=True)
    for name, value in options:
        if name != "sslmode":
            raise _invalid(say("url_options"))
        if value not in SSL_MODES:
            raise _invalid(say("url_sslmode"))
    if len(options) > 1:
        raise _invalid(say("url_sslmode_twice"))
    return tuple(options)
