"""Rows that a backup and the live tables both have, left out of their comparison: digests tell which they are.

Where rows have owners, a row is the same only if its owner has the same name on both sides: the rows of any other owner
are compared as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from psycopg2.sql import SQL, Composable, Composed, Identifier, Literal

from data_pipeline.formats.worker_pool import WorkerPool
from data_pipeline.layouts.base import Ownership, TableLayout
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.digests import narrowing
from data_pipeline.postgres.digests.narrowing import Begun, Unclear
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.schema.unique_keys import UniqueKey
from data_pipeline.postgres.writing import staging
from data_pipeline.sets.tables.table_source import Source

OTHER_OWNERS = """
SELECT coalesce(b.{key}, o.{key})::text FROM {backup} b FULL JOIN {live} o ON b.{key} = o.{key}
WHERE b.{key} IS NULL OR o.{key} IS NULL
   OR b.{name}::text COLLATE "C" IS DISTINCT FROM o.{name}::text COLLATE "C"
"""
REPEATED = "SELECT EXISTS (SELECT FROM {owners} GROUP BY {key} HAVING count(*) > 1)"
SAME = """
SELECT c.{name}, count(*) FROM {live} l LEFT JOIN {owners} c ON c.{key} = l.{column} WHERE {left_out} GROUP BY 1
"""
MET = "SELECT EXISTS (SELECT FROM {staged} s JOIN {live} l ON {same_key} WHERE {left_out})"


@dataclass(frozen=True)
class WithoutOwners(Scope):
    """The rows in scope, but for those of some owners."""

    apart: tuple[str, ...] = ()

    def condition(self, table: TableLayout, alias: str) -> Composable:
        within = super().condition(table, alias)
        if not self.apart:
            return within
        without = SQL("({} AND ({} OPERATOR(pg_catalog.=) ANY({}::pg_catalog.uuid[])) IS NOT TRUE)")
        return without.format(within, Identifier(alias, str(table.owner_column)), Literal(list(self.apart)))


@dataclass(frozen=True)
class LeftOut:
    """Rows of a live table: those in scope whose keys aren't among the differing ones.

    same: how many, by their owner's name, None for rows without one, or by the table's name where rows have no owners.
    """

    live: Table
    identity: UniqueKey
    scope: Scope
    differing: Composed
    same: Mapping[str | None, int] = field(default_factory=dict)

    def condition(self, alias: str) -> Composed:
        """That a live row is one of them."""
        return SQL("({} AND NOT EXISTS (SELECT FROM {} x WHERE {}))").format(
            self.scope.condition(self.live.layout, alias), self.differing, self.identity.same("x", alias)
        )


class Leaving:
    """The tables of one comparison with live ones, of which rows are left out where that is possible."""

    def __init__(
        self, session: Session, live: Mapping[str, Table], ownership: Ownership | None, scope: Scope, pool: WorkerPool
    ) -> None:
        self.found: dict[str, LeftOut] = {}
        self._session = session
        self._live = live
        self._ownership = ownership
        self._scope = scope
        self._pool = pool

    def load(self, source: Source, staged: Mapping[str, Table]) -> bool:
        """Load the rows that differ into a source's temporary table; False if nothing was done.

        staged: the tables that were loaded as a whole, owners before their rows.
        """
        ownership, cursor = self._ownership, self._session.cursor
        live = self._live[source.name]
        identity = staging.primary_key(cursor, live)
        paired = live.layout.key[:1] if ownership else staging.key(cursor, live).columns
        if identity is None or identity.columns != paired or (ownership and source.name == ownership.owner):
            return False
        to_live = replace(source, table=live)
        begun = narrowing.begin(self._session, to_live, identity, None, self._pool)
        if begun is None:
            return False
        found = narrowing.attempt(self._session, lambda: self._left_out(begun, source, identity, staged))
        if found is None:
            self._session.progress.begin_again()
            return False
        self.found[source.name] = found
        return True

    def _left_out(self, begun: Begun, source: Source, identity: UniqueKey, staged: Mapping[str, Table]) -> LeftOut:
        live, ownership = self._live[source.name], self._ownership
        scope = WithoutOwners(self._scope.names, self._scope.uuids, self._scope.values, self._apart(staged))
        differing = narrowing.load(self._session, begun.digested, source, identity.columns, scope, self._pool)
        found = LeftOut(live, identity, scope, differing.live)
        cursor, left_out = self._session.cursor, found.condition("l")
        cursor.execute(
            SQL(MET).format(
                staged=source.table.identifier, live=live.rows, same_key=identity.same("l", "s"), left_out=left_out
            )
        )
        if cursor.value():  # the backup has the key twice
            raise Unclear
        if ownership is None:
            return replace(found, same={source.name: differing.same})
        cursor.execute(
            SQL(SAME).format(
                name=Identifier(ownership.name),
                key=Identifier(ownership.key),
                column=Identifier(ownership.column),
                live=live.rows,
                owners=self._live[ownership.owner].identifier,
                left_out=left_out,
            )
        )
        return replace(found, same=dict(cursor.fetchall()))

    def _apart(self, staged: Mapping[str, Table]) -> tuple[str, ...]:
        """The owners that one side lacks, or calls otherwise. Raises Unclear for one that is there twice."""
        ownership, cursor = self._ownership, self._session.cursor
        if ownership is None:
            return ()
        key, name = Identifier(ownership.key), Identifier(ownership.name)
        sides = {"backup": staged[ownership.owner].identifier, "live": self._live[ownership.owner].identifier}
        for owners in sides.values():
            cursor.execute(SQL(REPEATED).format(owners=owners, key=key))
            if cursor.value():
                raise Unclear
        cursor.execute(SQL(OTHER_OWNERS).format(**sides, key=key, name=name))
        return tuple(uuid for (uuid,) in cursor.fetchall())
