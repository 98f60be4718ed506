"""A worker process: `python -m data_pipeline.formats.worker`. Jobs come in on stdin, results go out on stdout.

A job is a pickle. A result is a pickle too, of an exception or of an Encoded without its payload, then that payload as
it is: `<bytes of the pickle> <bytes of the payload>`, eight bytes each, pickle, payload.
"""

import os
import pickle
import signal
import sys
from dataclasses import replace
from struct import Struct
from typing import BinaryIO

from data_pipeline.formats import blocks
from data_pipeline.formats.format import Encoded

SIZES = Struct("<QQ")


def serve(jobs: BinaryIO, results: BinaryIO) -> None:
    """Encode one job after the other until the input ends. An exception is a result like any other."""
    while True:
        try:
            job = pickle.load(jobs)  # noqa: S301 - from the service that started this process
        except EOFError:
            return
        try:
            result: Encoded | Exception = blocks.run(job)
        except Exception as error:
            result = error
        _send(result, results)
        del job, result  # while it waits for the next one


def _send(result: Encoded | Exception, results: BinaryIO) -> None:
    payload: tuple[bytes, ...] = ()
    if isinstance(result, Encoded):
        payload, result = result.payload, replace(result, payload=())
    head = pickle.dumps(result, pickle.HIGHEST_PROTOCOL)
    results.write(SIZES.pack(len(head), sum(map(len, payload))) + head)
    results.writelines(payload)
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
