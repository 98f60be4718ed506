"""The advisory lock that admits one dump of a database at a time, across machines. Restores have the writer lock."""

from common.errors import OperationInProgress
from common.messages import say
from data_pipeline.postgres.search_path import Cursor

KEY = 0x7665635F64756D70
""""vec_dump"."""


def take(cursor: Cursor) -> None:
    """Keep other dumps out until the transaction ends. Raises OperationInProgress at once."""
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (KEY,))
    if not cursor.value():
        raise OperationInProgress(say("dump_in_progress"), can_retry=True)
