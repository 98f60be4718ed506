"""What Python prints of errors that nothing catches: here their kind and place only, since texts may quote a row."""

import logging
import sys
import threading
from types import TracebackType

import psycopg2

log = logging.getLogger("unified_api")


def where(error: BaseException) -> str:
    """The file and line an error was raised at."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "unknown"


def note_only_kinds() -> None:
    """Have all of them written to the log, in the main thread, in others, and where Python can't raise any."""
    sys.excepthook = _note
    sys.unraisablehook = lambda what: _note(what.exc_type, what.exc_value, what.exc_traceback)
    threading.excepthook = lambda what: _note(what.exc_type, what.exc_value, what.exc_traceback)


def is_echo(error: BaseException | None) -> bool:
    """Whether it is what psycopg2 prints, in the server's own words, of an error that it raises as well.

    Where a backend ends during COPY, libpq has two results for it. psycopg2 makes an exception of each without looking
    whether one is set, and Python's complaint about that is printed with the first as its cause: rows in its CONTEXT.
    """
    return isinstance(error, SystemError) and isinstance(error.__cause__, psycopg2.Error)


def _note(kind: type[BaseException], error: BaseException | None, _trace: TracebackType | None) -> None:
    if not (is_echo(error) or issubclass(kind, KeyboardInterrupt | SystemExit)):
        log.error("unexpected error: %s at %s", kind.__name__, where(error) if error is not None else "unknown")
