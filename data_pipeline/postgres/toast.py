"""How the server compresses long values as they are written: sooner where it can.

PostgreSQL compresses documents of 2 KB and more itself, and its own method, pglz, takes most of the time of loading
them; lz4, which a server may be built with, takes a fraction of it for about the same size.
"""

from typing import Literal

from data_pipeline.postgres.connection import Session

# A value that someone chose, for the server, the database or the role, stays; so does that of a column.
LZ4 = """
SELECT set_config(name, 'lz4', true) FROM pg_settings
WHERE name = 'default_toast_compression' AND source = 'default' AND 'lz4' = ANY(enumvals)
"""


def compress_sooner(session: Session) -> Literal["lz4"] | None:
    """Let what this transaction writes be compressed by lz4, if nothing else was chosen; None where it can't be."""
    session.cursor.execute(LZ4)
    return "lz4" if session.cursor.fetchone() else None
