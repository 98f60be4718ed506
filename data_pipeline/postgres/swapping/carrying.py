"""The statements by which a new table takes the place of the live one and is given what belongs to that.

They run in one message while both are locked. The old table stays, under a name and with a mark by which it is removed:
to drop it here would have the COMMIT remove its files, for as long as which readers wait.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from psycopg2.sql import SQL, Composable, Identifier, Literal

from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.swapping.facts import ForeignKey, Grant, Policy, View
from data_pipeline.postgres.swapping.facts import Sequence as OwnSequence
from data_pipeline.postgres.swapping.names import MARK
from data_pipeline.postgres.swapping.staged import Replacement, option

COMMANDS = {"r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE", "*": "ALL"}
STATES = {"A": "ENABLE ALWAYS", "R": "ENABLE REPLICA", "D": "DISABLE"}
"""Of triggers, by pg_trigger's tgenabled; a new one is what "O" stands for."""

# The new sequence never falls behind the old one.
POSITION = """
SELECT pg_catalog.setval({name}, o.last_value, o.is_called) FROM {old} o, {new} n
WHERE o.last_value OPERATOR({further}) n.last_value
   OR (o.last_value OPERATOR(pg_catalog.=) n.last_value AND o.is_called AND NOT n.is_called)
"""


@dataclass(frozen=True)
class Exchange:
    """All that one switch does.

    referring: keys of the set's other tables, which are empty, that lead to tables that go. own: by new table the
    sequences of its identity columns. role: the session's, which grants for others are made from and given back.
    """

    made: Sequence[Replacement]
    views: Sequence[View]
    referring: Sequence[tuple[Table, ForeignKey]]
    own: dict[int, list[OwnSequence]]
    role: str

    def statements(self) -> Iterator[Composable]:
        """Everything, in order."""
        for table, key in self.referring:
            yield SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(table.identifier, Identifier(key.name))
        for one in self.made:
            yield from self._take_sequences(one)
        for one in self.made:
            yield from self._set_aside(one)
            yield SQL("ALTER TABLE {} RENAME TO {}").format(one.table.identifier, Identifier(one.live.relation))
        for view in self.views:
            yield _view(view)
        for one in self.made:
            yield from self._names(one)
            yield from self._belongings(one)
        for table, key in self.referring:
            yield from _reference(table, key)

    def _take_sequences(self, one: Replacement) -> Iterator[Composable]:
        for sequence in one.facts.sequences:
            if not sequence.identity:
                owned = SQL("ALTER SEQUENCE {} OWNED BY {}.{}.{}")
                place = (Identifier(one.table.schema), Identifier(one.table.relation), Identifier(sequence.column))
                yield owned.format(sequence.identifier, *place)
        for old, new in self._identities(one):
            yield position(old, new)

    def _set_aside(self, one: Replacement) -> Iterator[Composable]:
        """Take from the old table the names that are its schema's, and its keys, which would hold others' rows."""
        old = replace(one.live, relation=one.old)
        for key in one.now.foreign_keys:
            yield SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(one.live.identifier, Identifier(key.name))
        yield SQL("ALTER TABLE {} RENAME TO {}").format(one.live.identifier, Identifier(one.old))
        for number, index in enumerate(one.now.indexes):
            yield index.rename(index.name, f"{one.old}_i{number}", old)
        for number, found in enumerate(one.now.statistics):
            yield _renamed_statistics(found.schema, found.name, f"{one.old}_s{number}")
        for sequence in one.now.sequences:
            if sequence.identity:
                name = f"{one.old}_q{sequence.oid}"
                yield SQL("ALTER SEQUENCE {} RENAME TO {}").format(sequence.identifier, Identifier(name))
        yield SQL("COMMENT ON TABLE {} IS {}").format(old.identifier, Literal(MARK))

    def _identities(self, one: Replacement) -> Iterator[tuple[OwnSequence, OwnSequence]]:
        """The old and the new sequence of each identity column."""
        by_column = {new.column: new for new in self.own[one.table.oid] if new.identity}
        return ((old, by_column[old.column]) for old in one.facts.sequences if old.identity)

    def _names(self, one: Replacement) -> Iterator[Composable]:
        """Of what the new table has already."""
        for index in one.facts.indexes:
            yield index.rename(one.named(index), index.name, one.live)
        for number, found in enumerate(one.facts.statistics):
            yield _renamed_statistics(found.schema, one.statistics_named(number), found.name)
        for old, new in self._identities(one):
            yield SQL("ALTER SEQUENCE {} RENAME TO {}").format(new.identifier, Identifier(old.name))
            if new.schema != old.schema:
                moved = SQL("ALTER SEQUENCE {} SET SCHEMA {}")
                yield moved.format(Identifier(new.schema, old.name), Identifier(old.schema))
            if old.comment is not None:
                yield SQL("COMMENT ON SEQUENCE {} IS {}").format(old.identifier, Literal(old.comment))
            for grant in old.grants:
                yield from self._grant(grant, SQL("SEQUENCE"), old.identifier, one.facts.owner)

    def _belongings(self, one: Replacement) -> Iterator[Composable]:
        """What the new table has not had so far."""
        table, facts = one.live.identifier, one.facts
        yield SQL("COMMENT ON TABLE {} IS {}").format(table, Literal(facts.comment))
        for trigger in facts.triggers:
            yield SQL(trigger.definition)
            if trigger.state in STATES:
                altered = SQL("ALTER TABLE {} {} TRIGGER {}")
                yield altered.format(table, SQL(STATES[trigger.state]), Identifier(trigger.name))
            if trigger.comment is not None:
                commented = SQL("COMMENT ON TRIGGER {} ON {} IS {}")
                yield commented.format(Identifier(trigger.name), table, Literal(trigger.comment))
        for policy in facts.policies:
            yield from _policy(policy, table)
        if facts.row_security:
            yield SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(table)
        if facts.forced:
            yield SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY").format(table)
        if facts.granted:
            yield SQL("REVOKE ALL ON {} FROM {}").format(table, Identifier(facts.owner))
        for grant in facts.grants:
            yield from self._grant(grant, SQL("TABLE"), table, facts.owner)

    def _grant(self, grant: Grant, kind: Composable, name: Composable, owner: str) -> Iterator[Composable]:
        given = SQL("GRANT {}{} ON {} {} TO {}{}").format(
            SQL(grant.privilege),
            SQL(" ({})").format(Identifier(grant.column)) if grant.column else SQL(""),
            kind,
            name,
            SQL("PUBLIC") if grant.grantee is None else Identifier(grant.grantee),
            SQL(" WITH GRANT OPTION" if grant.grantable else ""),
        )
        if grant.grantor == owner:
            yield given
        else:
            yield SQL("SET LOCAL ROLE {}").format(Identifier(grant.grantor))
            yield given
            yield SQL("SET LOCAL ROLE {}").format(Identifier(self.role))


def position(old: OwnSequence, new: OwnSequence) -> Composable:
    """Let a new sequence go on where the old one is, if it isn't further already."""
    further = SQL("pg_catalog.>" if old.ascending else "pg_catalog.<")
    name = SQL("{}::pg_catalog.oid::pg_catalog.regclass").format(Literal(new.oid))
    return SQL(POSITION).format(name=name, old=old.identifier, new=new.identifier, further=further)


def _renamed_statistics(schema: str, before: str, after: str) -> Composable:
    return SQL("ALTER STATISTICS {} RENAME TO {}").format(Identifier(schema, before), Identifier(after))


def _view(view: View) -> Composable:
    options = SQL(" WITH ({})").format(SQL(", ").join(map(option, view.options))) if view.options else SQL("")
    return SQL("CREATE OR REPLACE VIEW {}{} AS {}").format(
        view.identifier, options, SQL(view.definition.rstrip().removesuffix(";"))
    )


def _policy(policy: Policy, table: Composable) -> Iterator[Composable]:
    roles = SQL(", ").join(Identifier(role) if role else SQL("PUBLIC") for role in policy.roles)
    created = SQL("CREATE POLICY {} ON {} AS {} FOR {} TO {}").format(
        Identifier(policy.name),
        table,
        SQL("PERMISSIVE" if policy.permissive else "RESTRICTIVE"),
        SQL(COMMANDS[policy.command]),
        roles,
    )
    if policy.using is not None:
        created += SQL(" USING ({})").format(SQL(policy.using))
    if policy.check is not None:
        created += SQL(" WITH CHECK ({})").format(SQL(policy.check))
    yield created
    if policy.comment is not None:
        commented = SQL("COMMENT ON POLICY {} ON {} IS {}")
        yield commented.format(Identifier(policy.name), table, Literal(policy.comment))


def _reference(table: Table, key: ForeignKey) -> Iterator[Composable]:
    added = SQL("ALTER TABLE {} ADD CONSTRAINT {} {}")
    yield added.format(table.identifier, Identifier(key.name), SQL(key.definition))
    if key.comment is not None:
        commented = SQL("COMMENT ON CONSTRAINT {} ON {} IS {}")
        yield commented.format(Identifier(key.name), table.identifier, Literal(key.comment))
