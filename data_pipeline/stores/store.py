"""What a store has to know of itself."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from common.errors import InvalidBackup
from common.messages import say
from data_pipeline.sets.held_set import HeldSet


@dataclass(frozen=True)
class Capabilities:
    """What a store can promise. transactional: a restore is all or nothing. snapshot: a backup is of one moment.
    diffable: a set can be compared with what is live. indexed: it has indexes that a restore makes again."""

    transactional: bool
    snapshot: bool
    diffable: bool
    indexed: bool


class Store(ABC):
    """One kind of store. family: the layout of its sets. facts: the model of what it keeps in a manifest."""

    family: str
    capabilities: Capabilities
    facts: type[BaseModel]

    @abstractmethod
    def probe(self, target: Any) -> dict[str, Any]:
        """What answers at a target: `server_version`, and more where it helps. Raises ServiceError."""

    def verify(self, held: HeldSet) -> None:
        """Raise InvalidBackup for a set whose bytes are as promised, and that this store still couldn't restore.

        Here: whose facts are none of the store's.
        """
        self.facts_of(held)

    def facts_of(self, held: HeldSet) -> Any:
        """The facts of a set, by the store's model. Raises InvalidBackup."""
        try:
            return self.facts.model_validate(held.facts)
        except ValidationError:
            name = held.manifest_file.name if held.manifest_file else held.timestamp
            text = say("manifest_value_invalid", name=name, key="store")
            details = {"file": name, "reason": say("manifest_damaged"), "key": "store"}
            raise InvalidBackup(text, details=details) from None
