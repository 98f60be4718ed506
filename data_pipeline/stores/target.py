"""Where a store is, and what may be said about it."""

from dataclasses import dataclass, field
from typing import Any

from data_pipeline.postgres.target import digest_of, is_loopback

FILE = "(file)"
"""As the host of a store that is a file of this machine; its path is never told."""


@dataclass(frozen=True)
class StoreTarget:
    """One store by its configured name.

    path: what follows the address in the URL: a database's number or name, or a bucket and a prefix; of a store that
    is a file, its path. options: those of the URL, in its order.
    """

    name: str
    family: str
    scheme: str
    host: str
    port: int | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    path: str = ""
    options: tuple[tuple[str, str], ...] = ()
    source: str = "target"

    def option(self, name: str) -> str | None:
        """The value of an option of the URL."""
        return dict(self.options).get(name)

    def public(self) -> dict[str, Any]:
        """What jobs and answers say of it: neither a password nor a path of this machine."""
        path = "" if self.is_file else self.path
        place = {"family": self.family, "scheme": self.scheme, "host": self.host, "port": self.port, "dbname": path}
        user = None if self.family == "objects" else self.user  # of a bucket it is half of its key
        return {"name": self.name, **place, "user": user, "source": self.source}

    @property
    def is_file(self) -> bool:
        return self.host == FILE

    @property
    def server(self) -> str:
        """What tells its server from others, without telling where it is."""
        return digest_of([self._host, self.port or 0])

    @property
    def _host(self) -> str:
        return "loopback" if is_loopback(self.host.lower()) else self.host.lower()

    @property
    def digest(self) -> str:
        """The same for every target of one store, and nothing that tells where it is."""
        options = [text for option in self.options for text in option]
        return digest_of([self.family, self._host, self.port or 0, self.path, *options])
