"""From a request to the store it means, by a configured name: never by a URL."""

from collections.abc import Callable, Container, Iterator, Mapping

from common.errors import Forbidden, InvalidParams
from common.messages import say
from data_pipeline.postgres.target import is_loopback
from data_pipeline.stores import target_url
from data_pipeline.stores.target import StoreTarget
from data_pipeline.targets import TARGET_NAME


class StoreTargets:
    """The stores that the environment names, and further ones.

    databases: names that the environment has for databases. allowed_hosts: servers that a target made through the API
    may name beside loopback; bucket_hosts: the same of buckets.
    """

    def __init__(
        self,
        targets: Mapping[str, StoreTarget],
        databases: Container[str] = frozenset(),
        allowed_hosts: frozenset[str] = frozenset(),
        bucket_hosts: frozenset[str] = frozenset(),
    ) -> None:
        self._targets = targets
        self._databases = databases
        self._allowed_hosts = allowed_hosts
        self._bucket_hosts = bucket_hosts
        self._further: Callable[[str], StoreTarget | None] = lambda _name: None

    def __iter__(self) -> Iterator[str]:
        """The names of those of the environment."""
        return iter(self._targets)

    def extend(self, find: Callable[[str], StoreTarget | None]) -> None:
        """Let requests name further stores. find: None for a name it doesn't know; raises ServiceError."""
        self._further = find

    def of_environment(self, name: str) -> StoreTarget | None:
        """That of TARGETS; None for a name of none."""
        return self._targets.get(name)

    def find(self, name: str) -> StoreTarget | None:
        """None for a name of no store. Raises ServiceError."""
        if name in self._targets:
            return self._targets[name]
        return self._further(name) if name not in self._databases and TARGET_NAME.fullmatch(name) else None

    def named(self, name: str, family: str) -> StoreTarget:
        """The store of a name. Raises InvalidParams for an unknown one, or one of another family."""
        found = self.find(name)
        if found is None or found.family != family:
            known = tuple(one.name for one in self._targets.values() if one.family == family)
            raise InvalidParams(say("store_unknown", family=family, targets=known or "–"), details={"field": "target"})
        return found

    def allowed(self, name: str, url: str) -> StoreTarget:
        """The target of a URL that was given through the API. Raises InvalidParams; Forbidden for a host that isn't
        allowed, for a file of this machine, and for a bucket to which only the service's own credentials would lead."""
        try:
            found = target_url.parse(name, url)
        except ValueError:
            raise InvalidParams(say("store_url_invalid"), details={"field": "url"}) from None
        if found.is_file:
            raise Forbidden(say("store_file_by_environment"))
        bucket = found.family == "objects"
        hosts = self._bucket_hosts if bucket else self._allowed_hosts
        if not (is_loopback(found.host.lower()) or found.host.lower() in hosts):
            raise Forbidden(say("storage_host_not_allowed") if bucket else say("database_host_not_allowed"))
        if bucket and not (found.user and found.password):
            raise InvalidParams(say("store_bucket_needs_a_key"), details={"field": "url"})
        return found
