"""The databases and stores that the environment names: that of requests which name none, those they may name, the job
queue's.

What is wrong raises ValueError, its text one clear line that names the variable and never holds a password.
"""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from app_config import PGVECTOR_CONFIG
from common.errors import InvalidParams
from data_pipeline.config import SCHEMA_TOOLS_CONFIG
from data_pipeline.configuration import stacks
from data_pipeline.configuration.stacks import TARGET_NAME, StackSettings
from data_pipeline.postgres import target, url_options
from data_pipeline.postgres.connection_url import from_url
from data_pipeline.postgres.target import Defaults, Target
from data_pipeline.stores import target_url
from data_pipeline.stores.target import StoreTarget

LIBPQ = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
EMBEDDED = "embedded"
"""As DATABASE_URL: the embedded server is meant."""

FURTHER_KEYS = frozenset({"schema", "sslrootcert"})
"""Of an entry of TARGETS that is an object, beside its url."""

DEFAULT_TARGET = "default"
"""What OPERATOR_TARGETS calls the database of requests that name none."""

EXAMPLE = (
    'TARGETS must be a JSON object such as {"name": "postgresql://user:password@host:port/dbname"},'
    ' or {"name": {"url": "postgresql://…", "schema": "app", "sslrootcert": "/path/ca.pem"}}'
)


@dataclass(frozen=True)
class NamedDatabases:
    """Every database of the environment, each whole from one source."""

    defaults: Defaults
    configured: Target | None
    """None means the embedded one."""
    named: bool
    """Whether the first is chosen, be it the embedded one, and isn't what is left because nothing was said."""
    targets: Mapping[str, Target]
    stores: Mapping[str, StoreTarget]
    """Those of TARGETS that are no PostgreSQL."""
    stacks: StackSettings
    """Which of them belong together."""
    for_operators: frozenset[str]
    """Names of TARGETS that operators may restore into, and DEFAULT_TARGET for the configured database."""
    jobs: Target | None
    """None means the embedded server."""

    @property
    def hosts(self) -> frozenset[str]:
        """What a request's pg_conn may name because the configured database is there."""
        return frozenset({self.configured.host.lower()} if self.configured else ())


def read(env: Mapping[str, str]) -> NamedDatabases:
    """The databases of an environment, over the two configuration modules. Raises ValueError."""
    defaults = Defaults(_schema(env.get("PGVECTOR_SCHEMA")), _certificates(env.get("PG_SSL_ROOT_CERT")))
    jobs = env.get("JOBS_DATABASE_URL")
    url = env.get("DATABASE_URL") or SCHEMA_TOOLS_CONFIG["default_db_connection"]
    configured = None if url == EMBEDDED else _configured(url, env, defaults)
    named = _targets(env.get("TARGETS"), defaults)
    return NamedDatabases(
        defaults=defaults,
        configured=configured,
        named=url == EMBEDDED or configured is not None,
        targets=MappingProxyType({name: one for name, one in named.items() if isinstance(one, Target)}),
        stores=MappingProxyType({name: one for name, one in named.items() if isinstance(one, StoreTarget)}),
        stacks=stacks.read(env),
        for_operators=_for_operators(env.get("OPERATOR_TARGETS") or "", named),
        jobs=_of_url("JOBS_DATABASE_URL", jobs, "jobs", defaults) if jobs else None,
    )


def _for_operators(text: str, named: Mapping[str, object]) -> frozenset[str]:
    found = frozenset(part.strip() for part in text.split(",") if part.strip())
    if not found <= {DEFAULT_TARGET, *named}:
        raise ValueError(f"OPERATOR_TARGETS must be names from TARGETS, or {DEFAULT_TARGET}, separated by commas")
    return found


def unnamed(env: Mapping[str, str]) -> str:
    """What to say, in a line, where no database is named: of a variable too whose name is nearly DATABASE_URL."""
    names = {name.upper(): name for name in env if name != "DATABASE_URL"}
    near = get_close_matches("DATABASE_URL", names, n=1, cutoff=0.9)
    hint = f"; is {names[near[0]]} meant to be DATABASE_URL?" if near else ""
    return f"set DATABASE_URL, to {EMBEDDED} if the embedded PostgreSQL is meant{hint}"


def _schema(name: str | None) -> str:
    if name and not url_options.is_schema_name(name):
        raise ValueError("PGVECTOR_SCHEMA must be the name of a schema")
    return name or Defaults.schema


def _certificates(path: str | None) -> str | None:
    if path and not _holds_certificates(path):
        raise ValueError("PG_SSL_ROOT_CERT must be a readable file of certificates in PEM")
    return path or None


def _holds_certificates(path: object) -> bool:
    try:
        ssl.create_default_context(cafile=str(path))
    except OSError:  # an SSLError is one
        return False
    return True


def _configured(url: str | None, env: Mapping[str, str], defaults: Defaults) -> Target | None:
    """That of DATABASE_URL or default_db_connection first, then PG* or PGVECTOR_CONFIG."""
    if url:
        return _of_url("DATABASE_URL", url, "config", defaults)
    config: dict[str, Any] = {key: env.get(name) or PGVECTOR_CONFIG.get(key) for key, name in LIBPQ.items()}
    if not any(config.values()):
        return None
    if config["port"] is not None and not _is_port(str(config["port"])):
        raise ValueError("PGPORT must be a whole number from 1 to 65535")
    return target.from_mapping(config, "app_config", defaults)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= 65535


def _of_url(name: str, url: str, source: str, defaults: Defaults) -> Target:
    try:
        return _expect_certificates(name, from_url(url, source, defaults))
    except InvalidParams as error:
        raise ValueError(f"{name} must be postgresql://user:password@host:port/dbname{_why(error)}") from None


def _targets(text: str | None, defaults: Defaults) -> dict[str, Target | StoreTarget]:
    try:
        named = json.loads(text or "{}").items()
    except (ValueError, AttributeError):
        raise ValueError(EXAMPLE) from None
    return {name: _named(name, entry, defaults) for name, entry in named}


def _named(name: str, entry: Any, defaults: Defaults) -> Target | StoreTarget:
    """One entry: a URL, or an object that holds one."""
    if not TARGET_NAME.fullmatch(name):
        raise ValueError(f"{EXAMPLE}; a name is up to 64 letters, digits, _ and -")
    given = entry if isinstance(entry, dict) else {"url": entry}
    if given.keys() == {"url"} and isinstance(given["url"], str) and target_url.is_meant(given["url"]):
        return _store(name, given["url"])
    url, more = given.get("url"), {key: value for key, value in given.items() if key != "url"}
    texts = [url, *more.values()]
    if not (more.keys() <= FURTHER_KEYS and all(isinstance(value, str) and value for value in texts)):
        raise ValueError(f"{EXAMPLE}; {name} has other keys or values")
    if "schema" in more and not url_options.is_schema_name(more["schema"]):
        raise ValueError(f"{EXAMPLE}; the schema of {name} is no name")
    try:
        return _expect_certificates(f"TARGETS, {name}", from_url(str(url), "target", defaults, **more))
    except InvalidParams as error:
        raise ValueError(f"{EXAMPLE}; {name} is not{_why(error)}") from None


def _store(name: str, url: str) -> StoreTarget:
    try:
        return target_url.parse(name, url)
    except ValueError as error:
        why = "" if isinstance(error, UnicodeDecodeError) else f": {error}"
        raise ValueError(f"TARGETS: the URL of {name} can't be read{why}") from None


def _expect_certificates(name: str, found: Target) -> Target:
    """The target. Raises ValueError where its own file of certificates can't be used."""
    path = dict(found.extra).get("sslrootcert")
    if path is not None and not _holds_certificates(path):
        raise ValueError(f"{name}: sslrootcert must be a readable file of certificates in PEM")
    return found


def _why(error: InvalidParams) -> str:
    """What stands behind a URL's refusal, as far as it can be told in a line."""
    option = error.data["details"].get("option")
    if option == "sslrootcert":
        return "; sslrootcert needs sslmode=verify-full, verify-ca or require"
    if option:
        return f"; its option {option} is not supported, or has a value out of its limits"
    if error.data["details"].get("unencoded"):
        return "; # / ? [ and ] in a password must be percent-encoded: %23 %2F %3F %5B %5D"
    return ""
