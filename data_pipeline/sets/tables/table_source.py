"""A table's backup file, matched to the live table it goes into, before anything is locked or changed."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from common.errors import InvalidBackup, OrphanRows, ServiceError
from common.messages import say
from data_pipeline.encryption.set_key import SetKey
from data_pipeline.formats import csv_reader, registry, types
from data_pipeline.formats.blocks import Block
from data_pipeline.formats.csv_header import Header
from data_pipeline.formats.csv_reader import Layout, RowError
from data_pipeline.formats.format import Format
from data_pipeline.layouts.base import Conversion
from data_pipeline.postgres.schema.tables import Column, Table
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.tables import file_header, own_types
from data_pipeline.sets.tables.dialect import SetDialect
from data_pipeline.sets.tables.own_types import OwnType, mismatch
from data_pipeline.sets.tables.table_facts import TableFact
from data_pipeline.storage.file import StoredFile

BLOCK_BYTES = 1 << 21
"""How much of a file is encoded at a time. Larger blocks cost memory in every worker, smaller ones hand-overs."""

RECORD_BYTES = 2 << 20
"""What a record may have beside its largest field, whose quotes may all be doubled. One that has not ended by then is
refused."""


@dataclass(frozen=True)
class Source:
    """What the table `name` is restored from. `binary`: rows go to the server in binary, else as CSV.

    `table` is where the rows go: the live table, or a temporary one of the same columns. `coerced`: those of its
    columns that the file has in the form of an older shape, which `conversion` leads from; the layout is the file's.
    dialect: that of the whole set, which this file's values may decide. own: columns that the file has in another type.
    key: of an encrypted set.
    """

    name: str
    file: StoredFile
    table: Table
    format: Format
    layout: Layout
    header_size: int
    fact: TableFact | None
    binary: bool
    dialect: SetDialect
    coerced: frozenset[str] = frozenset()
    conversion: Conversion | None = None
    own: Mapping[str, OwnType] = field(default_factory=dict)
    key: SetKey | None = None

    @property
    def direct(self) -> bool:
        """Whether rows go into the table as they are in the file."""
        return self.conversion is None and not self.own

    @property
    def lossy(self) -> list[str]:
        """Columns whose values the table may not hold as they are."""
        return [name for name, one in self.own.items() if one.lossy]

    @property
    def columns(self) -> list[str]:
        """The table's columns that are written."""
        names = [column.name for column in self.layout.columns]
        if self.conversion is None or self.conversion.key not in self.coerced:
            return names
        return [self.conversion.key, *(name for name in names if name not in self.conversion.ids)]

    @property
    def raw_bytes(self) -> int:
        """Of the file as it is parsed."""
        return self.fact.raw_bytes if self.fact else self.file.size

    @property
    def header_lines(self) -> int:
        return self.format.header_lines

    @property
    def may_decline(self) -> bool:
        """Whether rows meant to go in binary may turn out to need the server to read their text."""
        return self.binary and self.format.may_decline(self.layout)

    def blocks(self, largest_field: int) -> Iterator[Block]:
        """The file's blocks: as the manifest cut them, or cut here at record ends. largest_field: bytes of a value."""
        return self._promised(self.fact) if self.fact else self._cut(2 * largest_field + RECORD_BYTES)

    def expect_rows(self, written: int) -> None:
        """Raise InvalidBackup if a file that nothing vouches for had no row: that is how most damage looks."""
        if self.fact is None and written == 0:
            raise self._invalid(say("file_without_rows"), 1, None)

    def rejected(self, error: RowError, lines_before: int) -> ServiceError:
        """The answer for a record that can't be restored, with its place in the file."""
        line = lines_before + error.line
        kind = OrphanRows if error.kind == "orphan" else InvalidBackup
        return self._invalid(error.reason, line, error.column, kind)

    def _promised(self, fact: TableFact) -> Iterator[Block]:
        last = len(fact.blocks) - 1
        for number, block in enumerate(file_header.promised_blocks(fact, self.key)):
            head = self.header_size if number == 0 else 0
            tail = len(self.format.trailer) if number == last else 0
            yield replace(block, head=head, tail=tail)

    def _cut(self, largest_record: int) -> Iterator[Block]:
        start = position = 0
        within = False
        with self.file.open() as file:
            while piece := file.read(BLOCK_BYTES):
                end, within = self.format.cut(piece, within)
                if end:
                    yield self._cut_block(start, position + end)
                    start = position + end
                position += len(piece)
                if position - start > largest_record:
                    raise RowError("invalid", 1, None, say("record_too_long"))
        if position > start:
            yield self._cut_block(start, position)

    def _cut_block(self, start: int, end: int) -> Block:
        return Block(start, end - start, 0 if start else self.header_size)

    def _invalid(
        self, reason: str, line: int, column: str | None, kind: type[ServiceError] = InvalidBackup
    ) -> ServiceError:
        file = self.file.name
        text = (
            say("at_column", file=file, line=line, column=column, reason=reason)
            if column
            else say("at_line", file=file, line=line, reason=reason)
        )
        details = {"file": file, "line": line, "column": column, "reason": reason}
        return kind(text, can_retry=False, details=details)


def match(
    backup_set: BackupSet, table: Table, dimensions: int | None, dialect: SetDialect, *, allow_lossy: bool = False
) -> Source:
    """Match a table's file with the live table.

    dimensions: what every vector of a column must have whose type doesn't say it, None if any will do. dialect: the
    set's, if no manifest says it. Raises InvalidBackup for a file that is no such file, SchemaMismatch if its columns
    are not the table's, or of types that these would lose something of.
    """
    file = backup_set.files[table.name]
    fact = backup_set.manifest.tables[table.name] if backup_set.manifest else None
    header = file_header.read(backup_set, table.name, fact)
    if not any(table.column(name) for name in header.columns):
        raise file_header.refused(file, say("header_not_names"))  # one word is a line of names too
    file_header.expect_its_own(backup_set, table.name, header, fact)
    conversion, coerced = _converted(backup_set, header, table, fact)
    columns = _columns(header, table, conversion, coerced, dimensions)
    _expect_required(table, {*coerced, *header.columns}, _known(backup_set, table.name))
    own = own_types.of(backup_set.format, fact, columns, table, coerced, allow_lossy=allow_lossy)
    columns = own_types.read_as(columns, own)
    source = _source(table.name, backup_set, table, header, columns, dialect)
    jsonb = {column.name for column in columns if column.type == "jsonb"} | coerced.intersection(header.columns)
    layout = replace(source.layout, jsonb=frozenset(jsonb | own_types.becoming_jsonb(own)))
    return replace(source, coerced=coerced, conversion=conversion, layout=layout, own=own)


def unmatched(backup_set: BackupSet, name: str, dialect: SetDialect) -> Source:
    """A table's file on its own, to be read and checked without a database. Raises InvalidBackup."""
    header, columns = _described(backup_set, name)
    table = Table("", name, 0, (), backup_set.layout[name])
    return _source(name, backup_set, table, header, columns, dialect)


def columns_of(backup_set: BackupSet, name: str) -> tuple[csv_reader.Column, ...]:
    """The columns of a table's file, typed by its manifest or else as its library has them. Raises InvalidBackup."""
    return _described(backup_set, name)[1]


def _known(backup_set: BackupSet, name: str) -> dict[str, str]:
    """The columns that the table's library makes, with the types that are read where no manifest tells them: json as
    jsonb, which takes the least."""
    known = backup_set.layout.known(name).values()
    return {column.name: "jsonb" if column.type == "json" else column.type for column in known}


def _described(backup_set: BackupSet, name: str) -> tuple[Header, tuple[csv_reader.Column, ...]]:
    fact = backup_set.manifest.tables[name] if backup_set.manifest else None
    header = file_header.read(backup_set, name, fact)
    file_header.expect_its_own(backup_set, name, header, fact)
    told = {column.name: column.type for column in fact.columns} if fact else _known(backup_set, name)
    return header, tuple(csv_reader.Column(column, told.get(column, "text")) for column in header.columns)


def _source(
    name: str,
    backup_set: BackupSet,
    table: Table,
    header: Header,
    columns: tuple[csv_reader.Column, ...],
    dialect: SetDialect,
) -> Source:
    fact = backup_set.manifest.tables[name] if backup_set.manifest else None
    layout = Layout(
        columns=columns,
        dialect="copy" if fact else dialect.of(header),
        newline=header.newline,
        collections=None,
        unnamed=header.unnamed,
        decided=fact is not None or dialect.told is not None,
        quoted=header.quoted,
    )
    file_format = registry.of(backup_set.format)
    binary = file_format.typed or all(column.known for column in columns)
    file, key = backup_set.files[name], backup_set.key
    return Source(name, file, table, file_format, layout, header.size, fact, binary, dialect, key=key)


def _converted(
    backup_set: BackupSet, header: Header, table: Table, fact: TableFact | None
) -> tuple[Conversion | None, frozenset[str]]:
    """The conversion that a file needs, and the table's columns whose values it has in the form of an older shape."""
    for conversion in backup_set.layout.conversions:
        if coerced := _coerced(conversion, header, table, fact):
            return conversion, coerced
    return None, frozenset()


def _coerced(conversion: Conversion, header: Header, table: Table, fact: TableFact | None) -> frozenset[str]:
    key, old = conversion.key, conversion.fallback
    moved = old in header.columns and table.column(old) is None and table.column(key) is not None
    ids = {key} if moved and key not in header.columns else set()
    told = {column.name: column.type for column in fact.columns} if fact else {}
    retyped = {
        name
        for name, (older, newer) in conversion.types.items()
        if name in header.columns
        and told.get(name, older if ids and not fact else None) == older
        and (live := table.column(name)) is not None
        and live.type == newer
    }
    return frozenset(ids | retyped)


def _columns(
    header: Header,
    table: Table,
    conversion: Conversion | None,
    coerced: frozenset[str],
    dimensions: int | None,
) -> tuple[csv_reader.Column, ...]:
    """The file's columns, typed as the table has them; what is coerced, as the older shape has it."""
    found = {column.name: _typed(column, table, dimensions) for column in table.columns}
    old: dict[str, str] = {}
    if conversion:
        older = {column.name: column.type for column in conversion.older[conversion.table].columns}
        old |= {name: older[name] for name in conversion.ids} if conversion.key in coerced else {}
        old |= {name: conversion.types[name][0] for name in coerced & conversion.types.keys()}
    found |= {name: csv_reader.Column(name, type_name) for name, type_name in old.items()}
    missing = [name for name in header.columns if name not in found]
    if missing:
        raise mismatch(say("columns_missing_in_table", table=table.name, columns=", ".join(missing)), table, missing)
    return tuple(found[name] for name in header.columns)


def _typed(column: Column, table: Table, dimensions: int | None) -> csv_reader.Column:
    """dimensions: those of the layout's first vector, whose column need not say it itself."""
    of_vectors = types.is_vector(column.type)
    own = column.modifier if of_vectors and column.modifier > 0 else None
    first = next(filter(None, map(table.column, table.layout.vectors)), None)
    expected = dimensions if of_vectors and column == first else None
    return csv_reader.Column(column.name, column.type, own or expected, column.element_oid)


def _expect_required(table: Table, given: Collection[str], known: Collection[str]) -> None:
    """The library's own columns must all be in the file: one that is left out would silently become NULL."""
    missing = [
        column.name
        for column in table.columns
        if column.name not in given and (column.name in known or _must_be_given(column))
    ]
    if missing:
        raise mismatch(say("columns_missing_in_file", table=table.name, columns=", ".join(missing)), table, missing)


def _must_be_given(column: Column) -> bool:
    return column.not_null and not column.has_default
