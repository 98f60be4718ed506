"""Server-Sent Events: a job's changes as they happen."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from flask import Response, request

from common.errors import ServiceError, ServiceUnavailable
from common.messages import say, translated
from data_pipeline.api import language
from data_pipeline.jobs.job import Job
from data_pipeline.jobs.jobs import Jobs

SILENCE_SECONDS = 3.0
"""A comment is sent after so long without news; a client that has gone away is noticed by it."""

RECONNECT_MS = 2000


class EventStreams:
    """A bounded number of streams: each holds one of the server's threads."""

    def __init__(self, jobs: Jobs, most: int, show: Callable[[Job], dict[str, Any]]) -> None:
        self._jobs = jobs
        self._show = show
        self._free = threading.BoundedSemaphore(most)

    def open(self, job_id: str) -> Response:
        """The stream of one job: its state now, then each change. Raises NotFound, ServiceUnavailable.

        Last-Event-ID is the version that the client has seen. 204, which tells a browser not to come back, once there
        is nothing more to see.
        """
        job = self._jobs.get(job_id)
        seen = _last_seen()
        if job.finished and job.version == seen:
            return Response(status=204)
        if not self._free.acquire(blocking=False):
            raise ServiceUnavailable(say("too_many_event_streams"), can_retry=True)
        response = Response(self._events(job_id, seen, language.preferred()), mimetype="text/event-stream")
        response.headers["X-Accel-Buffering"] = "no"
        response.call_on_close(self._free.release)  # runs even if no byte was read
        return response

    def _events(self, job_id: str, seen: int | None, spoken_in: str) -> Iterator[str]:
        yield f"retry: {RECONNECT_MS}\n\n"
        spoken = time.monotonic()
        try:
            for job in self._jobs.follow(job_id, seen):
                if job is not None:
                    shown = translated(self._show(job), spoken_in)
                    yield f"id: {job.version}\ndata: {json.dumps(shown, ensure_ascii=False)}\n\n"
                elif time.monotonic() - spoken < SILENCE_SECONDS:
                    continue
                else:
                    yield ": still here\n\n"
                spoken = time.monotonic()
        except ServiceError:
            return  # the client comes back, and is told then what is wrong


def _last_seen() -> int | None:
    given = request.headers.get("Last-Event-ID", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None
