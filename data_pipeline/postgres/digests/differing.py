"""Which rows differ, by their digests: the backup's, to be staged, and the live ones that these are compared with."""

from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from psycopg2.sql import SQL, Composable, Composed, Identifier, Literal

from data_pipeline.formats import record_digest
from data_pipeline.postgres.connection import Session, make_settings
from data_pipeline.postgres.digests.digested import PACKED, Digested
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.schema import tables
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.writing.staging import temporary

# Each side's expression is computed below its OFFSET 0: above it the server would do it again for rows that are joined.
UNMATCHED = """
CREATE TEMPORARY TABLE {name} ON COMMIT DROP AS
SELECT d.place, {names} FROM (
  SELECT {keys}, pg_catalog.sha256(pg_catalog.record_send(ROW({columns}))) AS digest
  FROM {live} l WHERE {in_scope} OFFSET 0
) o FULL JOIN (
  SELECT p.place OPERATOR(pg_catalog.+) n AS place,
         pg_catalog.substring(p.digests, n OPERATOR(pg_catalog.*) {size} OPERATOR(pg_catalog.+) 1, {size}) AS digest
  FROM {digested} p, pg_catalog.generate_series(0, {last}) n
  WHERE n OPERATOR(pg_catalog.*) {size} OPERATOR(pg_catalog.<) pg_catalog.length(p.digests) OFFSET 0
) d ON o.digest OPERATOR(pg_catalog.=) d.digest
WHERE o.digest IS NULL OR d.digest IS NULL
"""
PLACES = "COPY (SELECT place FROM {} WHERE place IS NOT NULL ORDER BY 1) TO STDOUT WITH (FORMAT csv)"

# A digest costs the server more than it assumes of a function: it would never have two cores do it, and would sort all
# of them.
SETTINGS = {
    "min_parallel_table_scan_size": "0",
    "parallel_setup_cost": "0",
    "parallel_tuple_cost": "0",
    "enable_mergejoin": "off",
    "work_mem": "64MB",
}


@dataclass(frozen=True)
class Differing:
    """What one side has that the other has not, to the bit.

    places: the backup's rows, by their place, in order. same: how many rows both have. certain: each of those that
    both have is there once on either side.
    """

    table: Table
    key: tuple[str, ...]
    places: "array[int]"
    same: int
    certain: bool

    @property
    def live(self) -> Composed:
        """The keys of the live rows, for FROM."""
        each = [SQL("{} AS {}").format(*map(Identifier, pair)) for pair in zip(_names(self.key), self.key, strict=True)]
        return SQL("(SELECT {} FROM {} WHERE place IS NULL)").format(SQL(", ").join(each), self.table.identifier)


def find(session: Session, digested: Digested, key: tuple[str, ...], scope: Scope) -> Differing:
    """Compare the backup's rows with the live ones in scope, as they are now."""
    cursor, live = session.cursor, digested.source.table
    table = replace(temporary(live, "differing"), columns=())
    own = [
        SQL("{} AS {}").format(Identifier("l", name), Identifier(alias))
        for name, alias in zip(key, _names(key), strict=True)
    ]
    cursor.execute(SQL("DROP TABLE IF EXISTS {}").format(table.identifier))
    with _settings(cursor):
        cursor.execute(
            SQL(UNMATCHED).format(
                name=Identifier(table.relation),
                names=SQL(", ").join(map(Identifier, _names(key))),
                keys=SQL(", ").join(own),
                columns=SQL(", ").join(Identifier("l", name) for name in digested.source.columns),
                live=live.rows,
                in_scope=scope.condition(live.layout, "l"),
                digested=digested.table.identifier,
                size=Literal(record_digest.SIZE),
                last=Literal(PACKED - 1),
            )
        )
    cursor.execute(SQL("ANALYZE {}").format(table.identifier))
    places = _places(cursor, table)
    cursor.execute(SQL("SELECT count(*) FROM {} WHERE place IS NULL").format(table.identifier))
    others = int(cursor.value())
    same = digested.rows - len(places)
    return Differing(table, key, places, same, same == tables.count(cursor, live, scope) - others)


def _names(key: tuple[str, ...]) -> list[str]:
    """What the key's columns are called where `place` stands beside them."""
    return [f"k{number}" for number in range(len(key))]


def _places(cursor: Cursor, table: Table) -> "array[int]":
    """As an array: of ten million rows a list would be as large as the process may be."""
    found = array("q")

    class Sink:
        """What COPY writes to, a row at a time."""

        def write(self, line: bytes) -> None:
            found.append(int(line))

    cursor.copy_expert(SQL(PLACES).format(table.identifier), Sink())
    return found


@contextmanager
def _settings(cursor: Cursor) -> Iterator[None]:
    """For one statement: those that follow, an application's triggers among them, have the session's own."""
    names = list(SETTINGS)
    asked: Composable = SQL(", ").join(SQL("current_setting({})").format(Literal(name)) for name in names)
    cursor.execute(SQL("SELECT {}").format(asked))
    before = dict(zip(names, cursor.one(), strict=True))
    make_settings(cursor, SETTINGS)
    yield
    make_settings(cursor, before)
