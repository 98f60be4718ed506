"""The tables a backup describes: by its manifest's facts, or else by the first line of its files."""

from common.errors import SchemaMismatch
from common.messages import say
from data_pipeline.postgres.schema.ddl_types import same_type
from data_pipeline.postgres.schema.tables import Column, Table
from data_pipeline.sets.catalog import BackupSet
from data_pipeline.sets.table_source import columns_of
from data_pipeline.storage.naming import TABLES


def tables(backup_set: BackupSet) -> dict[str, Table]:
    """Both tables as far as the set tells, with no size to any type. Raises InvalidBackup."""
    return {name: _table(backup_set, name) for name in TABLES}


def expect_alike(one: BackupSet, other: BackupSet) -> None:
    """Raise SchemaMismatch unless both sets have the same columns, of the same types where both say which."""
    found, others = tables(one), tables(other)
    vouched = one.manifest is not None and other.manifest is not None
    for name in TABLES:
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


def _table(backup_set: BackupSet, name: str) -> Table:
    found = columns_of(backup_set, name)
    columns = tuple(Column(one.name, one.type, -1, not_null=False, has_default=False) for one in found)
    return Table("", name, 0, columns)
