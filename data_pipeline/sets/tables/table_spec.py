"""What the tables of a backup looked like, as facts: from its manifest, or else as their library makes them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from common.errors import InvalidBackup
from common.messages import say
from data_pipeline.layouts.base import Layout, Reference, TableLayout
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.tables.table_facts import ColumnFact, ForeignKeyFact, IndexFact, TableFact, ValueFact
from data_pipeline.sets.tables.table_source import columns_of

LONGEST_NAME = 63
"""Bytes. PostgreSQL cuts a longer name, which would then be another one."""


@dataclass(frozen=True)
class Design:
    """A table as it was. A foreign key names the table that it refers to as the layout does, where it is one of it."""

    layout: TableLayout
    columns: tuple[ColumnFact, ...]
    indexes: tuple[IndexFact, ...]
    foreign_keys: tuple[ForeignKeyFact, ...]
    values: Mapping[str, ValueFact] = field(default_factory=dict)
    unmade: tuple[str, ...] = ()
    referred: frozenset[str] = frozenset()
    """The indexes without which a foreign key to the table can't be made."""

    @property
    def name(self) -> str:
        return self.layout.name

    @property
    def keys(self) -> list[IndexFact]:
        """The primary key, those of UNIQUE constraints, and what else foreign keys need."""
        return [index for index in self.indexes if index.is_key or index.name in self.referred]


def of(backup_set: BackupSet) -> dict[str, Design]:
    """All tables, whichever of them are restored. Raises InvalidBackup for names that no table can have."""
    layout, manifest = backup_set.layout, backup_set.manifest
    if manifest is None:
        members = [name for name in backup_set.files if name == layout.member]
        return as_made(layout.shaped({name: [one.name for one in columns_of(backup_set, name)] for name in members}))
    if missing := [name for name in layout.names if name not in manifest.tables]:
        raise _impossible(say("manifest_lacks_tables", tables=", ".join(missing)))
    found = {table.name: _described(table, layout, manifest.tables[table.name]) for table in layout.tables}
    for one in found.values():
        _expect_possible(one)
    referred = {
        (key.referenced_table, frozenset(key.referenced_columns)) for one in found.values() for key in one.foreign_keys
    }
    return {name: replace(one, referred=_referred(one, referred)) for name, one in found.items()}


def _referred(design: Design, referred: Collection[tuple[str, frozenset[str]]]) -> frozenset[str]:
    unique = (index for index in design.indexes if index.unique and not index.partial)
    return frozenset(index.name for index in unique if (design.name, frozenset(index.searched)) in referred)


def as_made(layout: Layout) -> dict[str, Design]:
    """The tables as the library that owns them makes them."""
    return {
        table.name: Design(
            table,
            tuple(ColumnFact(name=c.name, type=c.type, modifier=-1, not_null=c.not_null) for c in table.columns),
            tuple(_indexes(table)),
            tuple(_foreign_key(table, reference) for reference in table.references),
        )
        for table in layout.tables
    }


def _described(table: TableLayout, layout: Layout, fact: TableFact) -> Design:
    keys = tuple(
        key.model_copy(update={"referenced_table": _named(layout, key.referenced_table)}) for key in fact.foreign_keys
    )
    return Design(table, tuple(fact.columns), tuple(fact.indexes), keys, fact.values, tuple(fact.unmade))


def _named(layout: Layout, referenced: str) -> str:
    """What the layout calls a table that the server has named, with its schema or without."""
    plain = referenced.rpartition(".")[2]
    return next((name for name in layout.names if name in (referenced, plain)), referenced)


def _expect_possible(design: Design) -> None:
    columns = [column.name for column in design.columns]
    named = [
        *columns,
        *design.values,
        *(index.name for index in design.indexes),
        *(key.name for key in design.foreign_keys),
    ]
    if any(len(name.encode()) > LONGEST_NAME for name in named):
        raise _impossible(say("manifest_name_invalid", table=design.name))
    if not {name for index in design.keys for name in index.keys} <= set(columns):
        raise _impossible(say("manifest_key_without_column", table=design.name))


def _impossible(text: str) -> InvalidBackup:
    return InvalidBackup(text, can_retry=False)


def _indexes(table: TableLayout) -> list[IndexFact]:
    unique = {"unique": True, "constraint": True}
    primary = _index(f"{table.relation}_pkey", "btree", table.key, "").model_copy(update={**unique, "primary": True})
    return [
        primary,
        *(
            _index(f"{table.relation}_{name}_key", "btree", (name,), "").model_copy(update=unique)
            for name in table.unique
        ),
        *(_index(one.name, one.method, (one.column,), one.operator_class) for one in table.indexes),
    ]


def _index(name: str, method: str, columns: tuple[str, ...], operator_class: str) -> IndexFact:
    return IndexFact(
        name=name,
        method=method,
        unique=False,
        primary=False,
        keys=list(columns),
        operator_classes=[operator_class] * len(columns),
        options={},
        partial=False,
    )


def _foreign_key(table: TableLayout, reference: Reference) -> ForeignKeyFact:
    return ForeignKeyFact(
        name=f"{table.relation}_{'_'.join(reference.columns)}_fkey",
        columns=list(reference.columns),
        referenced_table=reference.table,
        referenced_columns=list(reference.referenced),
        on_delete=reference.on_delete,
    )
