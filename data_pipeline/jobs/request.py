"""A request for a job, as it may be stored."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from typing_extensions import Self

from common.errors import KeyReused, ServiceError
from common.messages import say
from data_pipeline.jobs.job import Job
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.requests.request import OperationRequest
from data_pipeline.operations.target import AnyTarget


@dataclass(frozen=True)
class JobRequest:
    """A request, what it is about, if that can be told, and the caller's name for it, so that it is done once."""

    request: OperationRequest
    target: AnyTarget | None
    key: str | None

    @classmethod
    def of(cls, operation: Operation[Any], request: OperationRequest, key: str | None) -> Self:
        """What an operation is asked. A target that can't be told is for the operation to refuse."""
        try:
            target = operation.target(request)
        except ServiceError:
            target = None
        return cls(request, target, key)

    @property
    def is_secret(self) -> bool:
        """Whether part of it may not be stored. A pg_conn that only names a configured target holds no password."""
        return self.request.has_secrets and not (self.target is not None and self.target.source != "pg_conn")

    @property
    def stored(self) -> dict[str, Any]:
        """The request without what may hold a password."""
        return self.request.as_sent(without=self.request.secrets if self.is_secret else frozenset())

    @property
    def public_target(self) -> dict[str, Any] | None:
        return self.target.public() if self.target else None

    @property
    def fingerprint(self) -> str:
        """The same for one request with any password. Earlier versions made it of the same values."""
        text = json.dumps([self.request.kind, self.stored, self.public_target], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def expect_same(self, job: Job) -> None:
        """Raise KeyReused unless a job that has this key came from the same request."""
        if job.fingerprint != self.fingerprint:
            raise KeyReused(say("idempotency_key_reused"), can_retry=False, job_id=job.id)
