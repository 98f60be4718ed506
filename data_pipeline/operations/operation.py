"""What can be asked for and run as a job: a class for each kind of operation."""

from abc import ABC, abstractmethod
from typing import Any, Generic, Protocol, TypeVar

from common.messages import Message
from data_pipeline.operations.requests.request import OperationRequest
from data_pipeline.postgres.progress import SILENT, Progress

R = TypeVar("R", bound=OperationRequest)


class AnyTarget(Protocol):
    """What an operation is about, a database or another store.

    source: "pg_conn" where the request named it with its address. digest: the same for the same store, however named.
    """

    @property
    def source(self) -> str: ...

    @property
    def digest(self) -> str: ...

    def public(self) -> dict[str, Any]:
        """What jobs and answers say of it: never a password."""


class Operation(ABC, Generic[R]):
    """One kind of operation. All methods raise ServiceError.

    request: the model of what it is asked. bug: the text of a failure that the code doesn't foresee.
    """

    request: type[R]
    bug: Message

    @property
    def kind(self) -> str:
        return self.request.kind

    @abstractmethod
    def target(self, request: R) -> AnyTarget:
        """What the request is about."""

    @abstractmethod
    def expect_possible(self, request: R) -> AnyTarget:
        """The same, once everything is checked that can be before a database is asked."""

    @abstractmethod
    def run(self, request: R, progress: Progress = SILENT) -> dict[str, Any]:
        """Do it; the data of the answer, `response` included. Raises Cancelled once `progress` says so."""
