"""What an operation is about: a database, or another store."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from common.errors import NotFound, ServiceError


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


@contextmanager
def told_of(target: AnyTarget, *, undone: bool = False) -> Iterator[None]:
    """Let a failure say which store it was about, unless a set was not found. undone: and that nothing was changed,
    where its outcome isn't unknown."""
    try:
        yield
    except NotFound:
        raise
    except ServiceError as error:
        error.data.setdefault("target", target.public())
        if undone and "outcome" not in error.data:
            error.data["rolled_back"] = True
        raise
