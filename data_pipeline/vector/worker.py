"""A worker process: `python -m data_pipeline.vector.worker`. Jobs come in on stdin, results go out on stdout."""

import os
import pickle
import signal
import sys
from typing import BinaryIO

from data_pipeline.vector import blocks


def serve(jobs: BinaryIO, results: BinaryIO) -> None:
    """Encode one job after the other until the input ends. An exception is a result like any other."""
    while True:
        try:
            job = pickle.load(jobs)  # noqa: S301 - from the service that started this process
        except EOFError:
            return
        try:
            result: object = blocks.run(job)
        except Exception as error:
            result = error
        pickle.dump(result, results, pickle.HIGHEST_PROTOCOL)
        results.flush()


def main() -> None:
    # Ctrl-C reaches the whole process group; the service decides when its workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    results = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    sys.stdout = sys.stderr  # nothing but results may go to the pipe
    try:
        serve(sys.stdin.buffer, results)
    except BrokenPipeError:  # the service is gone
        os._exit(0)


if __name__ == "__main__":
    main()
