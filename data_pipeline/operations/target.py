"""What an operation is about: a database, or another store."""

from typing import Any, Protocol


class AnyTarget(Protocol):
    """A store as jobs and answers know it.

    source: "pg_conn" where the request named it with its address. digest: the same for the same store, however named.
    """

    @property
    def source(self) -> str: ...

    @property
    def digest(self) -> str: ...

    def public(self) -> dict[str, Any]:
        """What jobs and answers say of it: never a password."""
