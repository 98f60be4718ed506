"""Prefetch items of an iterator in a background thread."""

import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import TypeVar

Item = TypeVar("Item")

MOST_ITEMS = 2
ASK_SECONDS = 0.1
"""How often a thread that waits for room looks whether its item is still wanted."""


def prefetched(items: Iterator[Item]) -> Generator[Item, None, None]:
    """The same items, up to MOST_ITEMS of them taken early. What taking one raises is raised here, in its turn."""
    taken: queue.Queue[Item | BaseException] = queue.Queue(MOST_ITEMS)
    closed = threading.Event()
    threading.Thread(target=_take, args=(items, taken, closed), name="prefetch", daemon=True).start()
    try:
        while True:
            item = taken.get()
            if isinstance(item, StopIteration):
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        closed.set()


def _take(items: Iterator[Item], taken: "queue.Queue[Item | BaseException]", closed: threading.Event) -> None:
    try:
        for item in items:
            if not _give(item, taken, closed):
                return
        _give(StopIteration(), taken, closed)
    except BaseException as error:
        _give(error, taken, closed)


def _give(item: Item | BaseException, taken: "queue.Queue[Item | BaseException]", closed: threading.Event) -> bool:
    """Whether the item was still wanted."""
    while not closed.is_set():
        with suppress(queue.Full):
            taken.put(item, timeout=ASK_SECONDS)
            return True
    return False
