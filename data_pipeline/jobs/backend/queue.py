"""The queue behind the jobs: procrastinate, which hands each job to one worker.

Two apps, as it needs them: a synchronous one without tasks, to put jobs in, and an asynchronous one with the task,
for the worker's event loop.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from procrastinate import App, PsycopgConnector, RetryStrategy, SyncPsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job as QueuedJob
from procrastinate.jobs import Status
from procrastinate.worker import Worker
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from data_pipeline.jobs.backend.database import Connection, unavailable
from data_pipeline.jobs.backend.timeouts import CONNECT_SECONDS, LimitedAsyncConnection
from data_pipeline.jobs.job import Job

SHARED = "vector"
"""The queue that every worker takes jobs from; a process also has one of its own, named by its id."""

TASK = "run"
BUSY = ("RUNNING", "CANCELLING")
POLL_SECONDS = 0.5
"""A finished job doesn't wake a worker that waits for its lock, so workers look again after so long."""

MISSED_BEATS = 4
"""A process that has missed so many beats is taken for dead."""


class Queue:
    """Puts jobs in, and takes them out again before they run."""

    def __init__(self) -> None:
        self._app = App(connector=SyncPsycopgConnector())

    def put(self, connection: Connection, job_id: str, queue: str, lock: str) -> int:
        """Queue a job in a transaction of the caller's; jobs of one `lock` run one after the other.

        Returns procrastinate's number for it. Raises ServiceUnavailable.
        """
        deferrer = self._app.configure_task(TASK, queue=queue, lock=lock, connection=connection)
        with _reachable():
            return deferrer.defer(job_id=job_id)

    def remove(self, connection: Connection, job: Job) -> None:
        """Take a job out that no worker has yet; one that runs stays."""
        if job.queue_id is not None:
            with _reachable():
                self._app.job_manager.cancel_job_by_id(job.queue_id, delete_job=True, connection=connection)


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except ConnectorException:
        raise unavailable() from None


async def _hasten(connection: AsyncConnection[DictRow]) -> None:
    """One trip for each statement, and no disk waited for: between two jobs nothing else goes on.

    What a crash of the server may take back of it is put right: our own table, which no crash takes anything from, says
    which job has begun and which has ended.
    """
    await connection.set_autocommit(True)
    await connection.execute("SET synchronous_commit = off")


class QueueWorker:
    """Runs the jobs of the shared queue and of one's own, one at a time, in an event loop.

    run: runs a job by its id, in a thread; it raises only if nothing of the job was done. state: the state of a job.
    """

    def __init__(
        self, conninfo: str, own: str, beat_seconds: int, run: Callable[[str], None], state: Callable[[str], str | None]
    ) -> None:
        connector = PsycopgConnector(
            conninfo=conninfo,
            connection_class=LimitedAsyncConnection,
            configure=_hasten,
            min_size=1,
            max_size=4,
            timeout=CONNECT_SECONDS,
        )
        self._app = App(connector=connector)
        self._beat_seconds = beat_seconds
        self._state = state
        self._over = False
        self._worker = Worker(
            self._app,
            queues=[SHARED, own],
            fetch_job_polling_interval=POLL_SECONDS,
            install_signal_handlers=False,
            delete_jobs="always",
            update_heartbeat_interval=beat_seconds,
            stalled_worker_timeout=beat_seconds * MISSED_BEATS,
        )

        @self._app.task(name=TASK, retry=RetryStrategy(wait=1))
        def _run(job_id: str) -> None:
            run(job_id)

    async def work(self) -> None:
        """Until it is told to stop; a job under way is waited for. Raises what the queue's database raises."""
        async with self._app.open_async():
            sweeping = asyncio.create_task(self._sweep())
            try:
                await self._worker.run()
            finally:
                self._over = True
                sweeping.cancel()
                await asyncio.gather(sweeping, return_exceptions=True)

    def stop(self) -> None:
        """Take no more jobs. To be called in the loop, again and again: it goes unheard while the worker begins."""
        self._worker.stop()

    async def _sweep(self) -> None:
        """Let go of what killed workers have left: it would block its lock for ever."""
        while not self._over:
            with suppress(ConnectorException):  # another process was faster, or the queue is gone for a moment
                for stalled in await self._stalled():
                    await self._release(stalled)
            await asyncio.sleep(0 if self._over else self._beat_seconds)

    async def _stalled(self) -> list[QueuedJob]:
        silence = self._beat_seconds * MISSED_BEATS
        return list(await self._app.job_manager.get_stalled_jobs(seconds_since_heartbeat=silence))

    async def _release(self, stalled: QueuedJob) -> None:
        state = await asyncio.to_thread(self._state, str(stalled.task_kwargs["job_id"]))
        if state == "PENDING":  # taken, and not begun
            await self._app.job_manager.retry_job(stalled)
        elif state not in BUSY:
            await self._app.job_manager.finish_job(stalled, Status.FAILED, delete_job=True)
