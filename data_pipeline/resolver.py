"""From a request to the database it means.

That is its pg_conn, a URL or the name of a configured target; else the configured one; else the embedded PostgreSQL.
"""

import logging
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from common.errors import DatabaseError, InvalidParams
from common.messages import say
from data_pipeline.postgres import target
from data_pipeline.postgres.connection_url import from_url
from data_pipeline.postgres.sqlstate import CONNECT_FAILED
from data_pipeline.postgres.target import Defaults, Target
from data_pipeline.postgres_server import embedded
from data_pipeline.targets import TARGET_NAME

log = logging.getLogger(__name__)


class Databases:
    """The databases a service may use. Nothing is shared between requests but this frozen choice."""

    def __init__(
        self,
        configured: Target | None,
        embedded_data_dir: Path,
        allowed_hosts: frozenset[str],
        targets: Mapping[str, Target],
        defaults: Defaults,
        stores: Container[str] = frozenset(),
    ) -> None:
        self._configured = configured
        self._embedded_data_dir = embedded_data_dir
        self._allowed_hosts = allowed_hosts
        self._targets = targets
        self._defaults = defaults
        self._stores = stores
        self._further: Callable[[str], Target | None] = lambda _name: None
        self._names: Callable[[], Sequence[str]] = tuple

    def extend(self, find: Callable[[str], Target | None], names: Callable[[], Sequence[str]]) -> None:
        """Let requests name further targets. find: None for a name it doesn't know; names: all. Both raise
        ServiceError."""
        self._further, self._names = find, names

    def allowed(self, url: str, schema: str | None = None) -> Target:
        """The target of a URL that a request named. Raises InvalidParams, Forbidden."""
        named = from_url(url, "pg_conn", self._defaults, schema=schema)
        target.allow(named, self._allowed_hosts)
        return named

    def resolve(self, pg_conn: str | None = None) -> Target:
        """The target of one request. Raises InvalidParams, Forbidden, or DatabaseError if none can be started."""
        if pg_conn is not None:
            if pg_conn in self._targets:
                return self._targets[pg_conn]
            if pg_conn in self._stores:
                raise of_a_store(pg_conn, "pg_conn")
            further = self._further(pg_conn) if TARGET_NAME.fullmatch(pg_conn) else None
            return further or self.allowed(pg_conn)
        try:
            return self.start()
        except embedded.EmbeddedServerError as error:
            log.error("%s", error)
            details = {"cause": "EMBEDDED_SERVER", "reason": say("embedded_server_failed")}
            raise DatabaseError(CONNECT_FAILED, can_retry=False, details=details) from None

    @property
    def known(self) -> list[Target]:
        """Those that the configuration names, the default one first, its server running."""
        return [self.start(), *self._targets.values()]

    def named(self, name: str | None) -> Target:
        """That of a configured name; None means the database of requests that name none. Raises InvalidParams for any
        other name, a URL too."""
        if name is not None and name in self._stores:
            raise of_a_store(name, "target")
        if name is not None and name not in self._targets:
            if TARGET_NAME.fullmatch(name) and (further := self._further(name)):
                return further
            text = say("target_unknown", targets=", ".join(dict.fromkeys([*self._targets, *self._names()])) or "–")
            raise InvalidParams(text, details={"field": "target"})
        return self.resolve(name)

    def start(self) -> Target:
        """The target of requests that name none, its server running. Raises EmbeddedServerError with the reason."""
        if self._configured:
            return self._configured
        return replace(embedded.start(self._embedded_data_dir).target, schema=self._defaults.schema)


def of_a_store(name: str, field: str) -> InvalidParams:
    """The error of a name that is a store's where a database has to be."""
    return InvalidParams(say("target_of_a_store", name=name), details={"field": field})
