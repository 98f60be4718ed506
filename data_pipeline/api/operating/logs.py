"""Structured logs on standard error: JSON lines, or plain ones for a person at a terminal."""

import logging
import sys

import structlog
from structlog.types import Processor

from common import uncaught

# Their records quote the driver's texts. What is worth knowing of the queue, the jobs say themselves.
SILENCED = ("procrastinate", "psycopg", "asyncio")


def set_up(level: int = logging.INFO) -> None:
    """Send structlog's and the standard library's records of this level and above the same way."""
    shared: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    json = structlog.processors.JSONRenderer(ensure_ascii=False)
    renderer: Processor = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else json
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    for name in SILENCED:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    uncaught.note_only_kinds()
