"""The thread that gives up servers that have fallen silent, beside all connections of this process.

What tells silence from work: TCP can't, since the machine of a stopped server goes on acknowledging, and neither can
the time, since an index may honestly take hours. So after two seconds without an answer a second connection is made,
and asks the server about the backend of the first (vitals.py):

- The second connection gets no answer either: the server, or the way to it, is silent. One that hasn't been seen alive
  since this connection was made gets SILENCE seconds in all, one that has LONG_SILENCE: hours of work are not thrown
  away for a few bad seconds.
- The backend is gone, or listens while we wait for it: what was said got lost on the way.
- The backend waits for a lock: the server ends that after lock_timeout by itself, unless the backend is stopped.
- The backend works: as long as something moves in what the server shows of it (what it waits for, rows copied,
  blocks indexed), it goes on, for hours. A backend that is stopped in the middle of work (a debugger, a frozen
  cgroup) looks like one that computes without a pause, so it gets STILL seconds without any movement.
- The server answers, but can't be asked about the backend (too many clients, a pooler between): it lives.

What was cancelled is not watched but ended: the server is asked to cancel it, and GRACE seconds later it is given up
in any case.
"""

import threading
import time
import weakref

from data_pipeline.postgres.link.awake import AWAKE
from data_pipeline.postgres.link.line import Line
from data_pipeline.postgres.link.observer import Observer

TICK = 0.25
LOOK_AFTER = 2.0
GRACE = 4.0


class Watch:
    """Looks after lines, each until it is closed. Its thread starts with the first of them, and sleeps without any."""

    def __init__(self) -> None:
        self._lines: weakref.WeakKeyDictionary[Line, Observer | None] = weakref.WeakKeyDictionary()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, line: Line, observer: Observer | None = None) -> None:
        """Watch a line. observer: asks the server about it; None where the line's limit is all there is to keep."""
        with self._changed:
            self._lines[line] = observer
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines)
                lines = [*self._lines.items()]
            for line, observer in lines:
                if line.over:
                    self._forget(line)
                else:
                    _tend(line, observer)
            del lines, line, observer  # they would keep a line alive that its user has dropped
            time.sleep(TICK)

    def _forget(self, line: Line) -> None:
        with self._changed:
            self._lines.pop(line, None)


def _tend(line: Line, observer: Observer | None) -> None:
    """What one look at a line leads to."""
    now, asked_at, abandoned_at = AWAKE.now(), line.asked_at, line.abandoned_at
    if asked_at is None:
        return
    if abandoned_at is not None:
        if now - abandoned_at > GRACE:
            line.give_up()
        elif observer is not None:
            observer.cancel()
    elif line.limit is not None:
        if now - asked_at > line.limit:
            line.give_up()
    elif observer is not None and now - asked_at > LOOK_AFTER:
        observer.start(asked_at)


WATCH = Watch()
"""The one of this process; without a thread until the first connection."""
