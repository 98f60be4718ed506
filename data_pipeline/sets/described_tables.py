"""The tables a backup describes: by its manifest's facts, or else by the first line of its files."""

from collections.abc import Sequence

from common.errors import SchemaMismatch
from common.messages import say
from data_pipeline.formats import csv_reader
from data_pipeline.layouts.base import TableLayout
from data_pipeline.postgres.schema.ddl_types import same_type
from data_pipeline.postgres.schema.tables import Column, Table
from data_pipeline.sets.catalog import BackupSet
from data_pipeline.sets.table_source import columns_of


def tables(backup_set: BackupSet) -> dict[str, Table]:
    """All tables as far as the set tells, with no size to any type. Raises InvalidBackup."""
    columns = {name: columns_of(backup_set, name) for name in backup_set.layout.names}
    shape = backup_set.layout.shaped({name: [one.name for one in found] for name, found in columns.items()})
    return {name: _table(shape[name], found) for name, found in columns.items()}


def expect_alike(one: BackupSet, other: BackupSet) -> None:
    """Raise SchemaMismatch unless both sets have the same columns, of the same types where both say which."""
    found, others = tables(one), tables(other)
    vouched = one.manifest is not None and other.manifest is not None
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


def _table(layout: TableLayout, found: Sequence[csv_reader.Column]) -> Table:
    columns = tuple(Column(one.name, one.type, -1, not_null=False, has_default=False) for one in found)
    return Table("", layout.relation, 0, columns, layout)
