"""What the tables of a swap are called, and how they are told from other tables."""

import secrets

PREFIX = "vector_restore_swap_"
MARK = "staging table of a restore, removed by the next one"
"""The comment of a staging table, made with it: a name alone could be another table's."""

IS_STAGING = (
    f"(left({{table}}.relname, {len(PREFIX)}) = '{PREFIX}'"
    f" AND coalesce(obj_description({{table}}.oid, 'pg_class'), '') = '{MARK}')"
)
"""The condition that a row of pg_class, by its alias, is such a table."""


def fresh() -> str:
    """A name for the tables of one swap to begin with, which no other swap has."""
    return f"{PREFIX}{secrets.token_hex(6)}"
