"""A request for a job, as it may be stored."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from common.errors import KeyReused, ServiceError
from common.messages import say
from data_pipeline.jobs.job import Job, Operation
from data_pipeline.postgres.target import Target


@dataclass(frozen=True)
class Asked:
    """The body without what may hold a password, that rest, and the database it is about, if it can be told."""

    kind: str
    stored: dict[str, Any]
    secret: dict[str, Any]
    target: Target | None
    key: str | None
    """What the caller named this request, so that it is done once."""

    @property
    def public_target(self) -> dict[str, Any] | None:
        return self.target.public() if self.target else None

    @property
    def fingerprint(self) -> str:
        """The same for the same request, whatever the password."""
        text = json.dumps([self.kind, self.stored, self.public_target], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def expect_same(self, job: Job) -> None:
        """Raise KeyReused unless a job that has this key came from the same request."""
        if job.fingerprint != self.fingerprint:
            raise KeyReused(say("idempotency_key_reused"), can_retry=False, job_id=job.id)


def ask(kind: str, operation: Operation, request: dict[str, Any], key: str | None) -> Asked:
    """Part a request into what is stored and what is not. A target that can't be told is for the operation to refuse.

    A pg_conn that only names a configured target holds no password and is stored.
    """
    try:
        target = operation.target(request)
    except ServiceError:
        target = None
    named = target is not None and target.source != "pg_conn"
    secret = {} if named else {name: request[name] for name in operation.secrets if name in request}
    stored = {name: value for name, value in request.items() if name not in secret}
    return Asked(kind, stored, secret, target, key)
