"""Work that takes long: a progress bar while it runs, and a clean end at Ctrl-C."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import click
from tqdm import tqdm

from common.errors import OperationCancelled
from data_pipeline.jobs.progress_meter import ProgressMeter
from data_pipeline.postgres.progress import Cancelled

TICK = 0.1
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Task:
    """One operation, in a thread of its own: this one hears signals even while that one waits for the server.

    shown: whether to draw a progress bar on standard error; None: if that is a terminal.
    """

    def __init__(self, shown: bool | None) -> None:
        self.meter = ProgressMeter()
        self._bar = Bar(shown)
        self._result: Any = None
        self._error: BaseException | None = None
        self._signal: int | None = None

    def run(self, work: Callable[[ProgressMeter], Any]) -> Any:
        """Do it and return its result. Raises what it raises.

        After Ctrl-C it is cancelled and rolled back, unless its COMMIT has begun; then the process ends here.
        """
        thread = threading.Thread(target=self._work, args=(work,), daemon=True)
        with self._listening(), self._bar:
            thread.start()
            while thread.is_alive():
                thread.join(TICK)
                self._bar.show(self.meter.reading())
                if self._signal:
                    self.meter.cancel()
        if isinstance(self._error, OperationCancelled | Cancelled) and self._signal:
            click.echo("Cancelled. The tables are as before.", err=True)
            sys.exit(128 + self._signal)
        if isinstance(self._error, Cancelled):  # by another client
            raise OperationCancelled from None
        if self._error:
            raise self._error
        return self._result

    def _work(self, work: Callable[[ProgressMeter], Any]) -> None:
        try:
            self._result = work(self.meter)
        except BaseException as error:
            self._error = error

    @contextmanager
    def _listening(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._hear) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        if self._signal is None:
            self._signal = number
            click.echo("\nCancelling: what was done is rolled back …", err=True)


class Bar:
    """A job's progress, drawn on standard error."""

    def __init__(self, shown: bool | None) -> None:
        self._shown = sys.stderr.isatty() if shown is None else shown
        self._drawn: Any = None

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_error: object) -> None:
        if self._drawn is not None:
            self._drawn.close()

    def show(self, progress: dict[str, Any] | None) -> None:
        """As the API's jobs have it."""
        if not self._shown or progress is None:
            return
        if self._drawn is None:
            layout = "{desc} {percentage:3.0f}% |{bar}| {postfix}"
            self._drawn = tqdm(total=100, file=sys.stderr, bar_format=layout, leave=False, dynamic_ncols=True)
        left = progress["eta_seconds"]
        self._drawn.set_description_str(f"{progress['phase']} {progress['table'] or ''}".strip(), refresh=False)
        rows = f"{progress['rows_done']} rows" + ("" if left is None else f", {left:.0f} s left")
        self._drawn.set_postfix_str(rows, refresh=False)
        self._drawn.n = progress["percent"]
        self._drawn.refresh()
