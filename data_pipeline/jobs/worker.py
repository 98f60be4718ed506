"""The thread that runs jobs in this process, started again when the queue had gone away."""

import asyncio
import threading
import time
from collections.abc import Callable

import psycopg
import structlog
from procrastinate.exceptions import ProcrastinateException

from common.errors import ServiceError
from data_pipeline.jobs.backend.queue import QueueWorker

AGAIN_SECONDS = 2.0
TELL_SECONDS = 0.2
LEAVE_SECONDS = 2.0

log = structlog.get_logger("jobs")


class Worker:
    """make: a QueueWorker, made anew for each attempt. Raises ServiceError if the queue can't be reached."""

    def __init__(self, make: Callable[[], QueueWorker]) -> None:
        self._make = make
        self._stopping = threading.Event()
        self._guard = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue_worker: QueueWorker | None = None
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Take no more jobs, and wait so long for the one under way, which has been told to end."""
        self._stopping.set()
        deadline = time.monotonic() + seconds
        while self._thread.is_alive() and time.monotonic() < deadline:
            with self._guard:
                if self._loop is not None and self._queue_worker is not None:
                    self._loop.call_soon_threadsafe(self._queue_worker.stop)
            self._thread.join(TELL_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._work()
            except (ServiceError, ProcrastinateException, psycopg.Error, OSError) as error:
                log.warning("the job queue can't be reached", kind=type(error).__name__)
            except Exception as error:
                log.error("the job worker failed", kind=type(error).__name__)
            self._stopping.wait(AGAIN_SECONDS)

    def _work(self) -> None:
        queue_worker = self._make()
        loop = asyncio.SelectorEventLoop()  # psycopg can't use Windows' own kind
        try:
            with self._guard:
                if self._stopping.is_set():
                    return
                self._loop, self._queue_worker = loop, queue_worker
            log.info("ready for jobs")
            loop.run_until_complete(queue_worker.work())
        finally:
            with self._guard:
                self._loop = self._queue_worker = None
            _leave_nothing(loop)
            loop.close()


def _leave_nothing(loop: asyncio.AbstractEventLoop) -> None:
    """End what was begun and not ended: a connection under way, the threads of jobs."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=LEAVE_SECONDS))
    loop.run_until_complete(loop.shutdown_default_executor())
