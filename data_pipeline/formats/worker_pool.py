"""Worker processes that encode blocks in parallel: started on first use, kept warm, gone with their parent.

A worker is a fresh interpreter that imports only what encoding needs; it never sees the service's main module. Jobs
and results are pickles on its standard input and output. When the service dies, by SIGKILL too, a worker reads the
end of its input and ends.
"""

import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

from common import memory
from common.errors import InternalError
from common.messages import say
from data_pipeline.formats import blocks, registry
from data_pipeline.formats.blocks import Job
from data_pipeline.formats.csv_fields import LARGE_BYTES
from data_pipeline.formats.csv_reader import LARGEST_FIELD
from data_pipeline.formats.format import Encoded
from data_pipeline.formats.worker import SIZES

PROJECT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # glibc gives memory of this size back to the system after each block and asks for it again: a fifth of the time.
    "MALLOC_MMAP_THRESHOLD_": str(64 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(128 << 20),
}

SECRET = (
    "PG",
    "AWS_",
    "STORAGES",
    "DATABASE_URL",
    "JOBS_DATABASE_URL",
    "TARGETS",
    "API_",
    "BACKUP_ENCRYPTION_",
    "SECRET_KEY",
)

PIPE_BYTES = 1 << 20
"""Room for most of a result: with the usual 64 KB a worker would wait for the reader a dozen times a block."""

PIECE_BYTES = 1 << 17
"""A payload is read in pieces that stay in a core's cache until the driver has copied them. Reading one lets go of the
interpreter's lock, which the thread that feeds COPY needs."""


class Worker:
    """One process, used by one thread at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "data_pipeline.formats.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pipesize=PIPE_BYTES,
            cwd=PROJECT,
            env={**_without_secrets(), **ENVIRONMENT},
        )
        self._jobs, self._results = cast("BinaryIO", self._process.stdin), cast("BinaryIO", self._process.stdout)

    def run(self, job: Job) -> Encoded:
        """Encode one block there. Raises what encoding raised, or InternalError if the process died."""
        try:
            pickle.dump(job, self._jobs, pickle.HIGHEST_PROTOCOL)
            self._jobs.flush()
            result = self._result()
        except (OSError, EOFError, pickle.UnpicklingError):
            self.stop()
            raise InternalError(say("parser_died"), can_retry=True) from None
        if isinstance(result, Exception):
            raise result
        return result

    def _result(self) -> Encoded | Exception:
        head, payload = SIZES.unpack(b"".join(self._take(SIZES.size)))
        result: Encoded | Exception = pickle.loads(b"".join(self._take(head)))  # noqa: S301 - from a process of ours
        return replace(result, payload=tuple(self._take(payload))) if isinstance(result, Encoded) else result

    def _take(self, size: int) -> Iterator[bytes]:
        """The next bytes of the results, in pieces. Raises EOFError if the process is gone."""
        while size:
            piece = os.read(self._results.fileno(), min(size, PIECE_BYTES))
            if not piece:
                raise EOFError
            size -= len(piece)
            yield piece

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._jobs, self._results):
            with suppress(OSError):  # a job that was never read
                pipe.close()


class WorkerPool:
    """A fixed number of threads, each with a worker process of its own; shared by all loads of a service.

    largest_field: bytes of a value, beyond which a block is refused.
    """

    def __init__(self, size: int, largest_field: int = LARGEST_FIELD) -> None:
        self.size = size
        self.largest_field = largest_field
        self._threads = ThreadPoolExecutor(max(size, 1), thread_name_prefix="encode")
        self._mine = threading.local()
        self._workers: set[Worker] = set()
        self._guard = threading.Lock()
        self._closed = False

    def encode(self, jobs: Iterable[Job], *, ahead: bool = True) -> Iterator[Encoded]:
        """Results in the order of the jobs, a bounded number of them ahead of the caller; of a large one none.

        ahead: False for none at all, where the caller takes much longer for a block than its encoding does.
        """
        waiting: deque[Future[Encoded]] = deque()
        try:
            for job in jobs:
                if job.block.size > LARGE_BYTES:
                    while waiting:
                        yield waiting.popleft().result()
                    yield self._threads.submit(self._run, job).result()
                    memory.give_back()
                    continue
                waiting.append(self._threads.submit(self._run, job))
                if len(waiting) >= (self.size + registry.of(job.source).read_ahead if ahead else 1):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        """End every worker; safe to call twice."""
        with self._guard:
            self._closed = True
            for worker in self._workers:
                worker.stop()
            self._workers.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _run(self, job: Job) -> Encoded:
        return self._worker().run(job)

    def _worker(self) -> Worker:
        worker: Worker | None = getattr(self._mine, "worker", None)
        if worker is not None and worker.alive:
            return worker
        with self._guard:
            if self._closed:
                raise InternalError(say("service_stopping"), can_retry=True)
            if worker:  # it died; its pipes are still open
                worker.stop()
                self._workers.discard(worker)
            worker = self._mine.worker = Worker()
            self._workers.add(worker)
        return worker


def encode_inline(jobs: Iterable[Job]) -> Iterator[Encoded]:
    """The same for a small file, without another process."""
    return map(blocks.run, jobs)


def _without_secrets() -> dict[str, str]:
    """The environment for a worker: it connects to nothing and needs no credentials."""
    return {name: value for name, value in os.environ.items() if not name.startswith(SECRET)}
