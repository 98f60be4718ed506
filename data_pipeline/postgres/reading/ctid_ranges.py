"""A table in parts: ranges of its pages, which several readers take one after the other."""

from dataclasses import dataclass

from psycopg2.sql import SQL, Composable, Identifier

from data_pipeline.postgres.search_path import Cursor

PAGES = """
SELECT pg_relation_size(c.oid) / current_setting('block_size')::int, a.amname = 'heap'
FROM pg_class c LEFT JOIN pg_am a ON a.oid = c.relam WHERE c.oid = %s
"""

PART_PAGES = 64
"""Pages of a part: half a megabyte, and what these rows have out of line, so that several readers end at about the same
time. A part costs the server well under a millisecond."""


@dataclass(frozen=True)
class Pages:
    """A range of a heap's pages, from `start` to before `end`; None: no bound, for pages that are added meanwhile."""

    start: int | None = None
    end: int | None = None

    def conditions(self, alias: str) -> list[Composable]:
        """What a row's place has to fulfil."""
        bounds = ((">=", self.start), ("<", self.end))
        return [
            SQL("{} {} '({},0)'::tid").format(Identifier(alias, "ctid"), SQL(operator), SQL(f"{page:d}"))
            for operator, page in bounds
            if page is not None
        ]


ALL_PAGES = Pages()


def parts(cursor: Cursor, relation: int) -> list[Pages]:
    """A whole table, given by its oid, in parts; in one where the server can't start reading in the middle."""
    cursor.execute(PAGES, (relation,))
    pages, readable = cursor.one()
    if (
        readable is not True or cursor.connection.server_version < 140000
    ):  # no TID range scan: each part would read everything
        return [ALL_PAGES]
    starts = [*range(PART_PAGES, pages, PART_PAGES)]
    return [Pages(*bounds) for bounds in zip([None, *starts], [*starts, None], strict=True)]
