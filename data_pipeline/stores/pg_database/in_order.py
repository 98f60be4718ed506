"""Blocks worked on by several threads beside one another: hashing and zstd let go of the interpreter's lock."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

THREADS = 2
AHEAD = 4
"""Blocks that are under way, or wait to be taken, at a time."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def worked_on(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """What the work makes of each, in the order of the items. What it raises is raised in its turn."""
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(THREADS, "blocks") as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
