"""Trying again what a passing failure ended before it had any effect."""

import time
from collections.abc import Callable
from typing import TypeVar

from common.errors import ServiceError

Result = TypeVar("Result")

RETRY_WAITS = (0.1, 0.4)
RETRY_SECONDS = 2


def retrying(operation: Callable[[], Result]) -> Result:
    """Run a whole operation, again if a passing failure ended it before it had any effect.

    Only failures marked `nothing_sent` are tried again, a bounded number of times and only soon: a client that has
    already waited for a time limit is answered at once.
    """
    started = time.monotonic()
    for wait in RETRY_WAITS:
        try:
            return operation()
        except ServiceError as error:
            if not error.nothing_sent or time.monotonic() - started > RETRY_SECONDS:
                raise
            time.sleep(wait)
    return operation()
