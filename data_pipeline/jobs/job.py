"""A job as it is stored and shown."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from data_pipeline.operations.requests.database import ImportRequest

State = Literal["PENDING", "RUNNING", "CANCELLING", "SUCCEEDED", "PARTIAL", "FAILED", "CANCELLED", "INTERRUPTED"]

JOB_ID = re.compile(r"[0-9a-f]{32}")

STREAMED = frozenset({ImportRequest.kind})
"""Kinds whose answer is a stream: when the call is written down it has only begun."""

COMMAND_LINE = "command line"
"""`who` of what a command has done."""


@dataclass(frozen=True)
class Origin:
    """Where a request came from: its id, whose it is (a token by its name, or `user:` and a name), the address."""

    request_id: str
    who: str
    client: str | None = None


@dataclass(frozen=True)
class Job:
    """One backup or restore, queued or answered at once (`sync`), as its row has it.

    request: as it was sent, without a pg_conn that is a URL. request_version: of that form. result: the answer's data.
    error: the envelope of a failure.
    version grows with every change.
    """

    number: int
    id: str
    kind: str
    state: State
    sync: bool
    request: dict[str, Any]
    request_version: int
    target: dict[str, Any] | None
    request_id: str
    who: str
    client: str | None
    fingerprint: str
    owner: str | None
    queue_id: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    progress: dict[str, Any] | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    version: int

    @property
    def finished(self) -> bool:
        return self.finished_at is not None

    @property
    def told_with_its_answer(self) -> bool:
        """Whether what became of it is written down with the answer of a call, and not once it has ended."""
        return self.sync and self.kind not in STREAMED and self.state != "INTERRUPTED"


@dataclass(frozen=True)
class Ending:
    """How a job ended: its last state with the answer's data, or with the envelope of the failure."""

    state: State
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
