"""What may stand behind the `?` of a database URL, and how far it may go.

Providers' strings carry settings of libpq, of drivers and of poolers. Harmless ones are accepted, each within limits
that leave the service its promises: an attempt to connect ends, a network that is gone is noticed. What only a pooler
or another driver understands is ignored with a note. Anything else is refused by its name: an option could name a file
of this machine, another server, or settings that change what the SQL of this service means.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from common.messages import Message, say
from data_pipeline.postgres import search_path

OPTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
MOST_OPTIONS = 32
LONGEST_NAME = 63
"""Bytes of a name in PostgreSQL."""

VERIFIES = ("verify-ca", "verify-full")
WORDS: Mapping[str, tuple[str, ...]] = {
    "sslmode": ("disable", "allow", "prefer", "require", *VERIFIES),
    "channel_binding": ("disable", "prefer", "require"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "keepalives": ("1",),  # without them a transaction that waits never learns that its network is gone
}
NUMBERS: Mapping[str, tuple[int, int]] = {
    "connect_timeout": (1, 3600),  # PG_CONNECT_TIMEOUT ends an attempt earlier: a request holds a thread meanwhile
    "keepalives_idle": (1, 600),  # together 20 minutes at most until a lost network is noticed
    "keepalives_interval": (1, 60),
    "keepalives_count": (1, 10),
}
APPLICATION_NAME = re.compile(r"[ -~]{1,63}")
"""The server cuts a longer name and replaces what is not ASCII."""

# Prisma's and Supabase's, asyncpg's and SQLAlchemy's; nothing here is kept from one request for the next.
IGNORED = re.compile(r"pgbouncer|pool_\w+|connection_limit|(prepared_)?statement_cache_size|supa")
SEARCH_PATH = re.compile(r"""-c ?search_path=(?P<path>"(?:[^"\s\\]|"")+"|[^"\s\\,]+)""")
"""Of one schema. Nothing is read out of a path that the server would refuse, or take for another name."""
ENDPOINT = re.compile(r"endpoint=[a-z0-9][a-z0-9-]{0,62}")
"""Neon's: which database a client without SNI means."""


class BadUrl(ValueError):
    """A URL that can't be used: why, and which option it is about."""

    def __init__(self, reason: Message, option: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.option = option


@dataclass
class Options:
    """What a URL's query says: parameters for libpq, and what is not libpq's to know."""

    parameters: dict[str, str] = field(default_factory=dict)
    schema: str | None = None
    """Where the tables are: `schema=NAME`, or the search path's one name."""
    host: str | None = None
    """A socket's directory, unchecked."""
    sslrootcert: str | None = None
    """A file, unchecked."""
    ignored: tuple[str, ...] = ()


def read(query: str, *, operator: bool, asyncpg: bool) -> Options:
    """Read a query. Raises BadUrl.

    operator: it is the operator's own URL, which may name a socket's directory and a file of certificates. asyncpg: it
    is meant for that driver, which calls sslmode ssl.
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_OPTIONS, errors="strict")
    except ValueError:  # too many, or bytes that are not UTF-8
        raise BadUrl(say("url_options")) from None
    found, seen = Options(), set()
    for written, value in pairs:
        name = "sslmode" if asyncpg and written == "ssl" else written
        if not OPTION_NAME.fullmatch(name):
            raise BadUrl(say("url_options"))
        if name in seen:
            raise BadUrl(say("url_option_twice", option=name), name)
        seen.add(name)
        _take(found, name, value, operator)
    return found


def _take(found: Options, name: str, value: str, operator: bool) -> None:
    if name in WORDS or name in NUMBERS or name == "application_name":
        found.parameters[name] = _expected(name, value)
    elif name == "options":
        found.parameters[name] = _server_options(found, value)
    elif name == "schema":
        _place(found, value, name)
    elif operator and name in ("host", "sslrootcert"):
        setattr(found, name, value)
    elif IGNORED.fullmatch(name):
        found.ignored += (name,)
    else:
        raise BadUrl(say("url_option_unsupported", option=name), name)


def _expected(name: str, value: str) -> str:
    if name in WORDS:
        allowed, fits = ", ".join(WORDS[name]), value in WORDS[name]
    elif name in NUMBERS:
        least, most = NUMBERS[name]
        allowed = f"{least}–{most}"
        fits = value.isascii() and value.isdigit() and len(value) < 9 and least <= int(value) <= most
    else:
        allowed, fits = "1–63 ASCII", bool(APPLICATION_NAME.fullmatch(value))
    if not fits:
        raise BadUrl(say("url_option_value", option=name, allowed=allowed), name)
    return value


def _server_options(found: Options, value: str) -> str:
    """Settings for the server as the URL gives them: a search path of one schema, and Neon's endpoint."""
    kept = []
    for word in re.sub(r"-c\s+", "-c", value).split():
        if path := SEARCH_PATH.fullmatch(word):
            (schema,) = search_path.names(path["path"])
            if schema == "$user":
                raise _bad_options()
            _place(found, schema, "options")
        elif not ENDPOINT.fullmatch(word):
            raise _bad_options()
        kept.append(word)
    if not kept:
        raise _bad_options()
    return " ".join(kept)


def _bad_options() -> BadUrl:
    return BadUrl(say("url_option_value", option="options", allowed="-csearch_path=NAME, endpoint=NAME"), "options")


def _place(found: Options, schema: str, option: str) -> None:
    if not is_schema_name(schema):
        raise BadUrl(say("url_schema"), option)
    if found.schema not in (None, schema):
        raise BadUrl(say("url_two_schemas"), option)
    found.schema = schema


def is_schema_name(name: object) -> bool:
    """Whether PostgreSQL could have a schema of this name."""
    return isinstance(name, str) and name.isprintable() and 0 < len(name.encode(errors="replace")) <= LONGEST_NAME
