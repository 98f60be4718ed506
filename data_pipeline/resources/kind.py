"""What the store has to know of one kind of resource."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from data_pipeline.resources.config import Config

C = TypeVar("C", bound=Config)


@dataclass(frozen=True)
class Held(Generic[C]):
    """A resource as it is: its configuration with its secrets, and where it is configured.

    config: None where its secrets can't be opened, since the key is not there. shown: what may be told of it.
    secrets: which it has. created_at, updated_at: None for one of the environment.
    """

    name: str
    config: C | None
    shown: dict[str, Any]
    secrets: tuple[str, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def of_environment(self) -> bool:
        return self.created_at is None


class Kind(ABC, Generic[C]):
    """One kind. name: of a row. plural: of its routes and its commands. Methods raise ServiceError."""

    name: str
    plural: str
    config: type[C]

    @abstractmethod
    def environment(self) -> Mapping[str, Held[C]]:
        """Those that the environment configures, by name: nothing here asks the jobs database."""

    @abstractmethod
    def expect_possible(self, name: str, config: C) -> None:
        """Raise what is wrong with one before it is stored, without connecting anywhere."""

    @abstractmethod
    def try_out(self, name: str, config: C | None) -> dict[str, Any]:
        """Test one, and say what was seen. config: None for one of the environment whose kind keeps it to itself."""

    def expect_unused(self, name: str, users: Callable[[str], list[Held[Any]]]) -> None:
        """Raise ResourceInUse if resources of another kind (given by its name) name this one."""
