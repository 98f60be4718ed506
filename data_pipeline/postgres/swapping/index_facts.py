"""The indexes of a live table, those of its constraints included, and how each is made on another table."""

from dataclasses import dataclass

from psycopg2.sql import SQL, Composable, Composed, Identifier, Literal

from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.postgres.swapping.printing import printed

# `head` is what precedes, in a definition, the part after the table's name. A period constraint needs more than an
# index that tells rows apart.
INDEXES = """
SELECT c.oid, c.relname::text, am.amname::text, coalesce(t.spcname::text, ''), obj_description(c.oid, 'pg_class'),
       i.indisclustered, i.indisreplident, i.indisunique,
       ARRAY(SELECT ARRAY[attnum::int, attstattarget::int] FROM pg_attribute
             WHERE attrelid = c.oid AND attstattarget >= 0 ORDER BY attnum),
       format('CREATE %%sINDEX %%I ON %%I.%%I ',
              CASE WHEN i.indisunique THEN 'UNIQUE ' END, c.relname, n.nspname, r.relname),
       k.oid, k.contype::text, k.condeferrable, k.condeferred, obj_description(k.oid, 'pg_constraint'),
       k.contype = 'x' OR coalesce((to_jsonb(k) ->> 'conperiod')::boolean, false)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am am ON am.oid = c.relam
JOIN pg_class r ON r.oid = i.indrelid JOIN pg_namespace n ON n.oid = r.relnamespace
LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace
LEFT JOIN pg_constraint k ON k.conindid = c.oid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')
WHERE i.indrelid = %s AND i.indisvalid ORDER BY c.oid
"""
KINDS = {"p": "PRIMARY KEY", "u": "UNIQUE"}


@dataclass(frozen=True)
class Constraint:
    """What an index belongs to. kind: pg_constraint's contype. definition: where no index can be made for it first."""

    kind: str
    deferrable: bool
    deferred: bool
    comment: str | None
    definition: str | None


@dataclass(frozen=True)
class Index:
    """An index, and all that its definition leaves out. method_on: what follows the table's name there."""

    method_on: str
    constraint: Constraint | None
    name: str
    method: str
    tablespace: str
    comment: str | None
    clustered: bool
    identity: bool
    unique: bool
    statistics: list[list[int]]

    def create(self, name: str, table: Table) -> Composed:
        """Make it on another table, under another name in the same schema; for a constraint, what it needs."""
        if self.constraint and self.constraint.definition:
            added = SQL("ALTER TABLE {} ADD CONSTRAINT {} {}")
            return added.format(table.identifier, Identifier(name), SQL(self.constraint.definition))
        unique = SQL("UNIQUE ") if self.unique else SQL("")
        head = SQL("CREATE {}INDEX {} ON {} ").format(unique, Identifier(name), table.identifier)
        return head + SQL(self.method_on)

    def finish(self, name: str, table: Table) -> list[Composable]:
        """What makes the new index all that this one is, but for the name."""
        of = table.identifier
        made: list[Composable] = []
        if self.constraint and not self.constraint.definition:
            deferrable = SQL(" DEFERRABLE" if self.constraint.deferrable else "")
            deferred = SQL(" INITIALLY DEFERRED" if self.constraint.deferred else "")
            added = SQL("ALTER TABLE {} ADD CONSTRAINT {index} {} USING INDEX {index}{}{}")
            kind = SQL(KINDS[self.constraint.kind])
            made.append(added.format(of, kind, deferrable, deferred, index=Identifier(name)))
        for column, target in self.statistics:
            altered = SQL("ALTER INDEX {} ALTER COLUMN {} SET STATISTICS {}")
            made.append(altered.format(Identifier(table.schema, name), Literal(column), Literal(target)))
        if self.comment is not None:
            commented = SQL("COMMENT ON INDEX {} IS {}")
            made.append(commented.format(Identifier(table.schema, name), Literal(self.comment)))
        if self.constraint and self.constraint.comment is not None:
            commented = SQL("COMMENT ON CONSTRAINT {} ON {} IS {}")
            made.append(commented.format(Identifier(name), of, Literal(self.constraint.comment)))
        if self.clustered:
            made.append(SQL("ALTER TABLE {} CLUSTER ON {}").format(of, Identifier(name)))
        if self.identity:
            made.append(SQL("ALTER TABLE {} REPLICA IDENTITY USING INDEX {}").format(of, Identifier(name)))
        return made

    def rename(self, before: str, after: str, table: Table) -> Composed:
        """Rename it, on this table or another one; a constraint and its index have the same name."""
        if self.constraint:
            renamed = SQL("ALTER TABLE {} RENAME CONSTRAINT {} TO {}")
            return renamed.format(table.identifier, Identifier(before), Identifier(after))
        return SQL("ALTER INDEX {} RENAME TO {}").format(Identifier(table.schema, before), Identifier(after))


def indexes(cursor: Cursor, table: Table) -> list[Index]:
    """Every valid index of a table, in the order in which the server looks at them."""
    cursor.execute(INDEXES, (table.oid,))
    found = []
    for oid, name, *facts, head, key, kind, deferrable, deferred, comment, whole in cursor.fetchall():
        constraint = None
        if key is not None:
            definition = printed(cursor, "pg_get_constraintdef", key) if whole else None
            constraint = Constraint(kind, deferrable, deferred, comment, definition)
        method_on = printed(cursor, "pg_get_indexdef", oid).removeprefix(head)
        found.append(Index(method_on, constraint, name, *facts))
    return found
