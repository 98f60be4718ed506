"""Names in our SQL mean what they say under any search path of the role or the database.

A path may put any schema before pg_catalog, and a temporary table stands before all of them: then `pg_class`, `count`,
`=` and `uuid` are what was created there. The other way round, pgvector may be in no schema of the path. And the
path is the application's: its triggers, column defaults and index expressions depend on it. So there are two rules.

A statement that only reads (SELECT, EXPLAIN, VALUES, WITH … SELECT, COPY … TO STDOUT) runs with pg_catalog alone in the
path. What it names is PostgreSQL's own, and everything else stands in it with its schema: the tables, and pgvector's
functions, operators and types. What the server prints in it has schemas too.

Any other statement runs under the session's own path, and needs no path itself: it writes `pg_catalog.uuid` and
`OPERATOR(pg_catalog.=)`. What looks an operator up by its name alone has no place in it: IN, BETWEEN, LIKE, USING,
CASE x WHEN, IS DISTINCT FROM, NULLIF. COALESCE, CASE WHEN, ROW, OVERLAY … PLACING and ORDER BY do not.
The COMMIT, at which deferred triggers run, belongs to these: the path is the session's own when it comes.

Definitions of indexes and keys, and types for a CREATE TABLE, are printed under the own path (`in_own_path`), under
which they will be executed: the server leaves a schema out only where the path leads to that very object.
"""

import re
from collections.abc import Sequence
from typing import Any

from psycopg2.sql import SQL, Composable, Literal

from data_pipeline.postgres.link.line import Asking

CATALOG = ("pg_catalog", "pg_temp")
"""pg_temp is named so that it comes last: a path that leaves it out has it first."""

READS = re.compile(
    r"\s*(?:(?:SELECT|EXPLAIN|VALUES|WITH)\s|COPY\s.*\sTO\s+STDOUT\s+WITH\s+\([\w\s,]*\)\s*\Z)", re.DOTALL
)
WRITES = re.compile(r"\b(?:INSERT\s+INTO|DELETE\s+FROM|MERGE\s+INTO|(?<!FOR )(?<!KEY )UPDATE)\b")
"""In a WITH. FOR UPDATE and FOR NO KEY UPDATE only lock."""

NAME = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<plain>[^\s,"]+))\s*(?:,|\Z)')


class Cursor(Asking):
    """A cursor of a transaction; `begin` comes before any statement."""

    _own: Composable

    def begin(self, settings: Composable) -> None:
        """Make the transaction's settings, and learn the session's own path, in one message and without a snapshot."""
        super().execute(SQL("{}; SHOW search_path").format(settings))
        self._own = _setting(names(self.value()))

    def execute(self, query: Any, vars: Any = None) -> None:
        """Run a statement, or several that do not read, with the path that is right for it."""
        text = self._text(query)
        self._run(CATALOG_ONLY if is_read(text) else self._own, text, vars)

    def in_own_path(self, query: str, vars: Any = None) -> None:
        """Run a query under the session's own path; nothing in it needs a path."""
        self._run(self._own, query, vars)

    def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
        """As psycopg2's, with the path that is right for it."""
        text = self._text(sql)
        path = CATALOG_ONLY if is_read(text) else self._own
        super().copy_expert(f"{path.as_string(self)}{text}", file, size)

    def _run(self, path: Composable, text: str, vars: Any) -> None:
        if text.startswith("ROLLBACK"):  # takes the path back with it; in a failed transaction nothing may precede it
            super().execute(text, vars)
            return
        before = path.as_string(self)
        super().execute(f"{before if vars is None else before.replace('%', '%%')}{text}", vars)

    def _text(self, query: Any) -> str:
        return query.as_string(self) if isinstance(query, Composable) else query


def is_read(statement: str) -> bool:
    """Whether a statement only reads."""
    if not READS.match(statement):
        return False
    return not (statement.lstrip().startswith("WITH") and WRITES.search(statement))


def names(path: str) -> list[str]:
    """The schemas of a search path as SHOW prints it. What stands in it unquoted is in lower case, ASCII that is."""
    return [
        found["quoted"].replace('""', '"') if found["quoted"] is not None else found["plain"].encode().lower().decode()
        for found in NAME.finditer(path)
    ]


def _setting(path: Sequence[str]) -> Composable:
    """A statement to stand in front of another one, in the same message."""
    return SQL("SET LOCAL search_path = {}; ").format(SQL(", ").join(map(Literal, path or [""])))


CATALOG_ONLY = _setting(CATALOG)
