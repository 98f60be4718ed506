"""The tables a backup describes: by its manifest's facts, or else by the first line of its files."""

from common.errors import SchemaMismatch
from common.messages import say
from data_pipeline.postgres.schema.ddl_types import same_type
from data_pipeline.postgres.schema.tables import Column, Table
from data_pipeline.sets.catalog import BackupSet
from data_pipeline.sets.table_source import OLD_IDS, columns_of
from data_pipeline.storage.naming import EMBEDDING, TABLES

Tables = dict[str, Table]


def common(one: BackupSet, other: BackupSet) -> Tables:
    """Tables that the rows of both sets fit into: the new ones, where only one set is of LangChain's old schema.

    Raises InvalidBackup, SchemaMismatch unless both have the same columns, of the same types where both say which.
    """
    found, others = _tables(one), _tables(other)
    vouched = one.manifest is not None and other.manifest is not None
    if _are_old(found) != _are_old(others):
        new, old = (others, found) if _are_old(found) else (found, others)
        _expect_alike(_converted(old, new), new, vouched)
        return new
    _expect_alike(found, others, vouched)
    return found if one.manifest else others


def _tables(backup_set: BackupSet) -> Tables:
    """Both tables as far as the set tells, with no size to any type. Raises InvalidBackup."""
    return {name: _table(backup_set, name) for name in TABLES}


def _are_old(tables: Tables) -> bool:
    return tables[EMBEDDING].column("id") is None and tables[EMBEDDING].column("uuid") is not None


def _converted(old: Tables, new: Tables) -> Tables:
    """What the tables of the old schema become when their rows go into these."""
    found = {}
    for name, table in old.items():
        kept = [column for column in table.columns if name != EMBEDDING or column.name not in OLD_IDS]
        ids = [column for column in new[name].columns if column.name == "id"]
        found[name] = Table("", name, 0, tuple(ids + [_as_in(new[name], column) for column in kept]))
    return found


def _as_in(table: Table, column: Column) -> Column:
    """A column, of the table's type if that is jsonb where its own is json."""
    live = table.column(column.name)
    return live if live and (column.type, live.type) == ("json", "jsonb") else column


def _expect_alike(found: Tables, others: Tables, vouched: bool) -> None:
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
