"""The tables a backup describes: by its manifest's facts, or else by the first line of its files."""

from common.errors import SchemaMismatch
from common.messages import say
from data_pipeline.layouts.base import Conversion, Layout
from data_pipeline.postgres.schema.ddl_types import same_type
from data_pipeline.postgres.schema.tables import Column, Table
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.tables.table_source import columns_of

Tables = dict[str, Table]


def common(one: BackupSet, other: BackupSet) -> Tables:
    """Tables that the rows of both sets fit into: the newer ones, where only one set is of an older shape.

    Raises InvalidBackup, SchemaMismatch unless both have the same columns, of the same types where both say which.
    """
    if one.layout.names != other.layout.names:
        differing = sorted(set(one.layout.names) ^ set(other.layout.names)) or list(one.layout.names)
        text = say("compare_tables_differ", tables=", ".join(differing))
        raise SchemaMismatch(text, can_retry=False, details={"tables": differing})
    (shape, found), (other_shape, others) = _tables(one), _tables(other)
    vouched = one.manifest is not None and other.manifest is not None
    if conversion := _conversion(other_shape, shape):
        _expect_alike(_converted(found, others, conversion), others, vouched)
        return others
    if conversion := _conversion(shape, other_shape):
        _expect_alike(_converted(others, found, conversion), found, vouched)
        return found
    _expect_alike(found, others, vouched)
    return found if one.manifest else others


def _tables(backup_set: BackupSet) -> tuple[Layout, Tables]:
    """All tables as far as the set tells, with no size to any type, and the shape they have. Raises InvalidBackup."""
    columns = {name: columns_of(backup_set, name) for name in backup_set.layout.names}
    shape = backup_set.layout.shaped({name: [one.name for one in found] for name, found in columns.items()})
    tables = {}
    for name, found in columns.items():
        described = tuple(Column(one.name, one.type, -1, not_null=False, has_default=False) for one in found)
        tables[name] = Table("", shape[name].relation, 0, described, shape[name])
    return shape, tables


def _conversion(newer: Layout, older: Layout) -> Conversion | None:
    """How rows of one shape become rows of another, if the other is a newer one."""
    return next((one for one in newer.conversions if one.older.name == older.name), None)


def _converted(old: Tables, new: Tables, conversion: Conversion) -> Tables:
    """What the tables of an older shape become when their rows go into these."""
    found = {}
    for name, table in old.items():
        kept = [one for one in table.columns if name != conversion.table or one.name not in conversion.ids]
        keys = [one for one in new[name].columns if name == conversion.table and one.name == conversion.key]
        columns = tuple(keys + [_as_in(new[name], column, conversion) for column in kept])
        found[name] = Table("", table.relation, 0, columns, new[name].layout)
    return found


def _as_in(table: Table, column: Column, conversion: Conversion) -> Column:
    """A column, of the table's type if its own is converted to that."""
    live = table.column(column.name)
    return live if live and (column.type, live.type) == conversion.types.get(column.name) else column


def _expect_alike(found: Tables, others: Tables, vouched: bool) -> None:
    for name in found:
        types, other_types = ({column.name: column.type for column in each[name].columns} for each in (found, others))
        differing = sorted(types.keys() ^ other_types.keys())
        if vouched and not differing:
            differing = sorted(column for column in types if not same_type(types[column], other_types[column]))
        if differing:
            raise SchemaMismatch(
                say("compare_columns_differ", table=name, columns=", ".join(differing)),
                can_retry=False,
                details={"table": name, "columns": differing},
            )
