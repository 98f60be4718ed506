"""How a service or a worker ends: cleanly at a signal, and within ten seconds of it in any case."""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

import structlog

from data_pipeline.engine import Engine
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.postgres_server import embedded

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
LEFT_SECONDS = 0.5
"""For threads that are about to end by themselves."""

log = structlog.get_logger("unified_api")


def exit_cleanly(first: Callable[[], None] = lambda: None) -> None:
    """At SIGTERM and Ctrl-C raise SystemExit, which runs what is registered to stop with us.

    first: called before anything is waited for; it must return at once.
    """

    def leave(_number: int, _frame: FrameType | None) -> None:
        for number in STOP_SIGNALS:  # told once more, it must not break off what it stops
            signal.signal(number, signal.SIG_IGN)
        first()
        sys.exit(0)

    for number in STOP_SIGNALS:
        signal.signal(number, leave)


def close(jobs: Jobs, engine: Engine) -> None:
    """End everything, and the process with it where a thread can't be ended.

    The interpreter would wait for such a thread: one that reads from a storage that is silent, or one whose COMMIT the
    database doesn't answer.
    """
    jobs.close()
    engine.pool.close()
    deadline = time.monotonic() + LEFT_SECONDS
    others = [thread for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()]
    for thread in others:
        thread.join(max(0.0, deadline - time.monotonic()))
    if left := [thread.name for thread in others if thread.is_alive()]:
        log.warning("ended in the middle of work", threads=left)
        embedded.leave()
        logging.shutdown()
        os._exit(0)
