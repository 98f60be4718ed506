"""What can be asked for and run as a job: a class for each kind of operation."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from common.messages import Message
from data_pipeline.operations.requests.request import OperationRequest
from data_pipeline.operations.results.result import Result
from data_pipeline.operations.target import AnyTarget
from data_pipeline.postgres.progress import SILENT, Progress

R = TypeVar("R", bound=OperationRequest)


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

    def expect_free(self, request: R) -> None:
        """Raise OperationInProgress where another one keeps this one away, as far as that is seen without waiting.

        One that was killed may do so for a minute.
        """

    @abstractmethod
    def run(self, request: R, progress: Progress = SILENT) -> Result:
        """Do it, and say what was done. Raises Cancelled once `progress` says so."""
