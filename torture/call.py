"""A request under way while something happens to the service or its server."""

import random
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from torture.client import Answer, Gone

SOONEST = 0.1


class Call:
    """A request in a thread of its own."""

    def __init__(self, request: Callable[[], Answer]) -> None:
        self._request = request
        self._answer: Answer | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def under_way(self) -> bool:
        return self._thread.is_alive()

    def answer(self) -> Answer | None:
        """Wait for the answer; None if none came."""
        self._thread.join()
        return self._answer

    def _run(self) -> None:
        try:
            self._answer = self._request()
        except Gone:
            self._answer = None


class Killable(Protocol):
    """The service, or a store's server."""

    def kill(self) -> None: ...

    def start(self) -> Any: ...


class Moments:
    """Random moments within a request, learned from how long such requests took that came to their end."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._typical: dict[str, float] = {}  # seconds
        self._last = 1.0
        self._pace: dict[str, float] = {}  # a share of what is typical

    def learn(self, kind: str, seconds: float) -> None:
        self._typical[kind] = self._last = seconds

    def wait(self, kind: str, pace: float = 1.0) -> None:
        """Sleep until a moment: anywhere in the request, or more often than chance would near its end."""
        typical = self._typical.get(kind, self._last)
        share = self._chance.uniform(0, 1) if self._chance.random() < 0.7 else self._chance.uniform(0.8, 1.05)
        time.sleep(typical * share * pace)

    def within(self, call: Call, kind: str) -> bool:
        """Sleep until a moment; whether the request is under way then. Where it isn't, the next ones come sooner.

        A server that has just been started is slower than it will be for the request that is tried.
        """
        pace = self._pace.get(kind, 1.0)
        self.wait(kind, pace)
        in_time = call.under_way
        self._pace[kind] = min(1.0, max(SOONEST, pace * (1.1 if in_time else 0.8)))
        return in_time


def killed_within(
    request: Callable[[], Answer], moments: Moments, kind: str, service: Killable, server: Killable | None = None
) -> tuple[bool, Answer | None]:
    """Kill the service, or the server it works on if one is given, at a moment of a request, and start it again.

    Whether the request was under way, and its answer, if one came.
    """
    call = Call(request)
    in_time = moments.within(call, kind)
    if server is None:
        service.kill()
        answer = call.answer()
        service.start()
    else:
        server.kill()
        server.start()
        answer = call.answer()
    return in_time, answer
