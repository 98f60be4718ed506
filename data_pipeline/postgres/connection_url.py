"""Reading a database URL, as Neon, RDS, Azure, Cloud SQL, Supabase and poolers give them.

A request's URL names a host; the operator's own may name the directory of a socket and a file of certificates too.
"""

import ipaddress
import os
import re
from urllib.parse import SplitResult, unquote, urlsplit

from common.errors import InvalidParams
from common.messages import Message, say
from data_pipeline.postgres import url_options
from data_pipeline.postgres.target import DEFAULT_PORT, DEFAULTS, Defaults, Target
from data_pipeline.postgres.url_options import BadUrl, Options

SCHEMES = (
    "postgresql",
    "postgres",
    "postgresql+psycopg",
    "postgresql+psycopg2",
    "postgresql+psycopg_async",
    "postgresql+asyncpg",
)
OPERATORS = ("config", "target", "jobs")
"""Sources that are the operator's."""

LONGEST_URL = 2048
LONGEST_SOCKET_DIRECTORY = 107 - len("/.s.PGSQL.65535")
"""Of a socket's address on Linux."""

HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252})")
AUTHORITY = re.compile(r"[^:]*://(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)
TLS = ("require", *url_options.VERIFIES)
"""Modes in which a certificate is looked at; in the others libpq would go on without TLS where it does not fit."""


def from_url(
    url: str,
    source: str,
    defaults: Defaults = DEFAULTS,
    *,
    schema: str | None = None,
    sslrootcert: str | None = None,
) -> Target:
    """Read `postgresql://user:password@host:port/dbname?sslmode=…`.

    The drivers that SQLAlchemy's URLs name mean the same. schema, sslrootcert: what is said of the target beside its
    URL. Raises InvalidParams; its text never repeats the URL, since that holds a password, only the name of an option.
    """
    try:
        return _read(url, source, defaults, schema, sslrootcert)
    except BadUrl as error:
        if _ends_early(url):  # then an option's name may be a piece of the password
            raise _invalid(say("url_unencoded"), unencoded=True) from None
        raise _invalid(error.reason, **({"option": error.option} if error.option else {})) from None


def _read(url: str, source: str, defaults: Defaults, schema: str | None, sslrootcert: str | None) -> Target:
    operator = source in OPERATORS
    scheme, parts = _split(url)
    user = _decoded(parts.username, "user")
    path = _decoded(parts.path.removeprefix("/"), "dbname")
    options = url_options.read(parts.query, operator=operator, asyncpg=scheme.endswith("+asyncpg"))
    # Without a user libpq takes PGUSER or this process's account. Only the operator may choose those.
    if not user and (not operator or "@" in path):
        raise BadUrl(say("url_user_missing"))
    if schema is not None and options.schema not in (None, schema):
        raise BadUrl(say("url_two_schemas"))
    placed = schema or options.schema or defaults.schema
    extra = {**options.parameters, **_root(options, sslrootcert, defaults.ssl_root_cert)}
    return Target(
        source=source,
        host=_host(parts, options.host, operator),
        port=parts.port or DEFAULT_PORT,
        dbname=_dbname(path or user),
        user=user,
        password=_decoded(parts.password, "password") if parts.password else None,
        extra=tuple(extra.items()),
        schema=placed,
        elsewhere=placed != defaults.schema,
        notes=tuple(say("url_option_ignored", option=name) for name in options.ignored),
    )


def _split(url: str) -> tuple[str, SplitResult]:
    """The scheme, and the parts of the rest: psycopg_async has a character that urlsplit allows in no scheme."""
    if len(url) > LONGEST_URL or any(ord(char) < 33 or ord(char) == 127 for char in url):
        raise BadUrl(say("url_length_or_characters"))
    scheme, _, rest = url.partition("://")
    try:
        parts = urlsplit(f"postgresql://{rest}")
        port = parts.port
    except ValueError:
        raise BadUrl(say("url_host_or_port")) from None
    if scheme.lower() not in SCHEMES:
        raise BadUrl(say("url_scheme"))
    if parts.fragment or port == 0:
        raise BadUrl(say("url_host_port_or_database"))
    return scheme.lower(), parts


def _ends_early(url: str) -> bool:
    """Whether user and password seem to hold what ends them: then the `@` behind them is further on."""
    found = AUTHORITY.match(url)
    if found is None:
        return False
    user, at, _ = found["authority"].rpartition("@")
    return "@" in found["rest"] or bool(at and re.search(r"[][]", user))


def _invalid(reason: Message, **details: str | bool) -> InvalidParams:
    return InvalidParams(say("pg_conn_invalid", reason=reason), details={"field": "pg_conn", **details})


def _decoded(text: str | None, name: str) -> str:
    try:
        value = unquote(text or "", errors="strict")
    except UnicodeDecodeError:
        raise BadUrl(say("url_part_not_utf8", part=name)) from None
    if "\0" in value:
        raise BadUrl(say("url_part_characters", part=name))
    return value


def _host(parts: SplitResult, directory: str | None, operator: bool) -> str:
    host, netloc = parts.hostname or "", parts.netloc.rpartition("@")[2]
    if directory is not None:
        if host:
            raise BadUrl(say("url_socket"), "host")
        return _socket(directory)
    if operator and host.lower().startswith("%2f"):
        return _socket(_decoded(netloc.partition(":")[0], "host"))
    if ":" in host or "[" in netloc:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            raise BadUrl(say("url_host")) from None
    if not HOST_NAME.fullmatch(host):
        raise BadUrl(say("url_host_missing"))
    return host


def _socket(path: str) -> str:
    """A socket's directory. libpq would read a comma as the end of one host among several."""
    fits = path.startswith("/") and "," not in path and "\0" not in path
    if not fits or len(os.fsencode(path)) > LONGEST_SOCKET_DIRECTORY:
        raise BadUrl(say("url_socket"), "host")
    return path


def _dbname(name: str) -> str:
    # libpq would read a dbname with "=" or "://" as a connection string of its own.
    if not name or "=" in name or "://" in name or len(name.encode()) > url_options.LONGEST_NAME:
        raise BadUrl(say("url_database"))
    return name


def _root(options: Options, beside: str | None, default: str | None) -> dict[str, str]:
    """The certificates to check the server's by: the target's own file, or that of all where checking was asked for."""
    mode, own = options.parameters.get("sslmode"), beside or options.sslrootcert
    if own is not None and mode not in TLS:
        raise BadUrl(say("url_sslrootcert_unused"), "sslrootcert")
    chosen = own or (default if mode in url_options.VERIFIES else None)
    return {"sslrootcert": chosen} if chosen else {}
