"""Columns that a file has in another type than the table it goes into, as its manifest says.

Their values are read as that type's, and become the table's on the server. Where that can lose something, as
narrowing.py knows, it is refused unless the caller allows it. Of a file without a manifest no type is known: it is read
as the table's.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from common.errors import SchemaMismatch
from common.messages import say
from data_pipeline.formats import csv_reader, registry, types
from data_pipeline.formats.format import FormatName
from data_pipeline.formats.types import narrowing
from data_pipeline.postgres.schema import ddl_types
from data_pipeline.postgres.schema.tables import Column, Table
from data_pipeline.sets.tables.table_facts import ColumnFact, TableFact


@dataclass(frozen=True)
class OwnType:
    """A column's type in the backup and in the table, and whether the change can lose something.

    type: by which the values are read and staged; "text" for one that is unknown here.
    """

    type: str
    modifier: int
    live: Column
    lossy: bool


def of(
    file_format: FormatName,
    fact: TableFact | None,
    columns: Sequence[csv_reader.Column],
    table: Table,
    coerced: Collection[str],
    *,
    allow_lossy: bool,
) -> dict[str, OwnType]:
    """The columns that have to be converted, by name. Raises SchemaMismatch for those that may not or can't be.

    columns: those of the file, as they would be read. coerced: those that an older shape's conversion takes care of.
    The column that names a row's owner is read as the table has it: owners are looked up by it in the file.
    """
    typed = registry.of(file_format).typed
    found: dict[str, OwnType] = {}
    lossy: dict[str, tuple[ColumnFact, Column]] = {}
    for told, read in zip(fact.columns if fact else (), columns if fact else (), strict=True):
        live = table.column(told.name)
        if live is None or told.name in coerced or told.name == table.layout.owner_column:
            if typed and not _same_bytes(read.type, told.type):
                raise _differs(table, told.name)
        elif loses(told, live):
            lossy[told.name] = told, live
            found[told.name] = _own(told, live, table, typed=typed, lossy=True)
        elif typed and not _same_bytes(live.type, told.type):
            found[told.name] = _own(told, live, table, typed=typed, lossy=False)
    if lossy and not allow_lossy:
        raise _refused(table, lossy)
    return found


def loses(told: ColumnFact, live: Column) -> bool:
    """Whether the live column may hold another value than the backup's."""
    old, new = ddl_types.plain(told.type), ddl_types.plain(live.type)
    if ddl_types.same_type(told.type, live.type):
        old = new
    return narrowing.loses(old, told.modifier, new, live.modifier)


def loses_back(own: OwnType) -> bool:
    """Whether the backup's type may hold another value than the live column's."""
    return narrowing.loses(ddl_types.plain(own.live.type), own.live.modifier, own.type, own.modifier)


def read_as(columns: Sequence[csv_reader.Column], own: Mapping[str, OwnType]) -> tuple[csv_reader.Column, ...]:
    """The file's columns, those of other types as they are there."""
    return tuple(_read_as(one, own[one.name].type) if one.name in own else one for one in columns)


def becoming_jsonb(own: Mapping[str, OwnType]) -> set[str]:
    """The columns that are staged as json, and may hold what jsonb can't."""
    return {name for name, one in own.items() if (one.type, one.live.type) == ("json", "jsonb")}


def _read_as(column: csv_reader.Column, type_name: str) -> csv_reader.Column:
    element = types.SCALARS.get(type_name.removeprefix("_")) if type_name in types.ARRAYS else None
    dimensions = column.dimensions if types.is_vector(type_name) else None
    return replace(column, type=type_name, dimensions=dimensions, element_oid=element.oid if element else None)


def _own(told: ColumnFact, live: Column, table: Table, *, typed: bool, lossy: bool) -> OwnType:
    """Raises SchemaMismatch for binary values of a type that is unknown here, or whose arrays name its number in the
    backup's database."""
    name = ddl_types.plain(told.type)
    known = name in types.BUILT_IN or name in ddl_types.EXTENSION_TYPES
    if typed and (not known or (name in types.ARRAYS and name in ddl_types.EXTENSION_TYPES)):
        raise _differs(table, told.name)
    return OwnType(name, told.modifier, live, lossy) if known else OwnType("text", -1, live, lossy)


def _same_bytes(live: str, told: str) -> bool:
    return ddl_types.same_type(live, told) or types.same_bytes(live, told)


def _differs(table: Table, column: str) -> SchemaMismatch:
    return mismatch(say("column_type_differs", table=table.name, column=column), table, [column])


def _refused(table: Table, lossy: Mapping[str, tuple[ColumnFact, Column]]) -> SchemaMismatch:
    both = {
        name: {"backup": shown(told.type, told.modifier), "live": shown(live.type, live.modifier)}
        for name, (told, live) in lossy.items()
    }
    listed = ", ".join(_listed(both))
    details = {"table": table.name, "columns": list(both), "types": both, "option": "allow_lossy"}
    text = say("columns_narrower", table=table.name, columns=listed)
    return SchemaMismatch(text, can_retry=False, details=details)


def _listed(both: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for name, kinds in both.items():
        yield f"{name} ({kinds['backup']} -> {kinds['live']})"


def shown(name: str, modifier: int) -> str:
    """A type as SQL has it, without a schema where it is known here."""
    plain = ddl_types.plain(name)
    found = types.find(plain)
    numbers = ",".join(map(str, found.modifiers(modifier))) if found else ""
    array = "[]" if plain in types.ARRAYS else ""
    return f"{plain.removeprefix('_') if array else plain}{f'({numbers})' if numbers else ''}{array}"


def mismatch(text: str, table: Table, columns: list[str]) -> SchemaMismatch:
    """A table that can't take the file's columns as they are."""
    return SchemaMismatch(text, can_retry=False, details={"table": table.name, "columns": columns})
