"""What the server prints of an object, under the session's own search path."""

from typing import Literal

from data_pipeline.postgres.search_path import Cursor

Function = Literal[
    "pg_get_constraintdef",
    "pg_get_indexdef",
    "pg_get_statisticsobjdef",
    "pg_get_triggerdef",
    "pg_get_viewdef",
    "regclass",
]


def printed(cursor: Cursor, function: Function, oid: int) -> str:
    """A definition to be executed as it is; with `regclass` the name of a relation as definitions have it."""
    if function == "regclass":
        query = "SELECT %s::pg_catalog.oid::pg_catalog.regclass::pg_catalog.text"
    else:
        query = f"SELECT pg_catalog.{function}(%s::pg_catalog.oid)"
    cursor.in_own_path(query, (oid,))
    return str(cursor.value())
