"""What a restore is about to do to collections, written down first: so that a crash leaves nothing half done.

An intent is a lock too: a collection has one at a time.
"""

from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from common.errors import ServiceUnavailable
from common.messages import say

Stage = Literal["planning", "loading", "aliasing", "renaming"]
"""Of one that is planning nothing has been changed yet: it only keeps others away."""


@dataclass(frozen=True)
class Intent:
    """id: also stands in a property of the new collection, so that no other is taken for it.

    target: the configured name; digest: that of its server and database. collection: the name that is restored.
    fresh: what the new collection is called until the switch. old: what the replaced one is called afterwards.
    family: of the store. request: of a bucket, which is restored as a whole, what was asked, as JSON.
    """

    id: str
    target: str
    digest: str
    collection: str
    fresh: str
    old: str | None = None
    aliases: tuple[str, ...] = ()
    drop_old: bool = False
    stage: Stage = "loading"
    family: str = "milvus"
    request: str = ""

    @property
    def switching(self) -> "Intent":
        """The same, once the new collection is about to be put in its place."""
        return replace(self, stage="aliasing" if self.aliases else "renaming")


class IntentStore(Protocol):
    """Where intents are kept. Raises ServiceUnavailable where it can't be reached."""

    def begin(self, intent: Intent) -> None:
        """Raises OperationInProgress while the collection has another one."""

    def note(self, intent: Intent) -> None:
        """Write down a further stage."""

    def end(self, intent: Intent) -> None:
        """It is done, or undone."""

    def leave(self, intent: Intent) -> None:
        """It could not be settled now: any process may do it."""

    def abandoned(self) -> list[Intent]:
        """Those whose process is gone."""


class Unkept:
    """Of a server that is gone when its process is: nothing has to outlive it."""

    def begin(self, intent: Intent) -> None:
        """Nothing else restores there."""

    def note(self, intent: Intent) -> None:
        """It isn't kept."""

    def end(self, intent: Intent) -> None:
        """It wasn't kept."""

    def leave(self, intent: Intent) -> None:
        """The server is thrown away."""

    def abandoned(self) -> list[Intent]:
        return []


@dataclass
class Intents:
    """The store of a service, once it has one: an engine alone knows none."""

    _store: IntentStore | None = field(default=None)

    def extend(self, store: IntentStore) -> None:
        self._store = store

    @property
    def store(self) -> IntentStore:
        """Raises ServiceUnavailable without one."""
        if self._store is None:
            raise ServiceUnavailable(say("milvus_no_intents"), can_retry=False)
        return self._store
