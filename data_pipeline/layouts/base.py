"""What a layout says of its tables, which may be known beforehand or only once a manifest or a catalog is read."""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from common.errors import InvalidParams
from common.messages import say

PLAIN = re.compile(rb"[a-z0-9_-]")
LONGEST_PART = 100
"""Bytes of a schema or a table within the name of a file, which has 255 of them on every system."""


@dataclass(frozen=True)
class Column:
    """A column as the library that owns the table makes it; type is PostgreSQL's name."""

    name: str
    type: str
    not_null: bool = False


@dataclass(frozen=True)
class Index:
    """An index over one column that is no constraint's."""

    name: str
    column: str
    method: str
    operator_class: str


@dataclass(frozen=True)
class Reference:
    """Columns whose values are those of another table of the layout."""

    columns: tuple[str, ...]
    table: str
    referenced: tuple[str, ...]
    on_delete: str = "no action"


@dataclass(frozen=True)
class TableLayout:
    """One table.

    name: as requests, answers and manifests call it; with its schema where the layout knows one, `schema.table`.
    key: tells rows apart, and is what does so where the live table has no primary key. columns, unique, indexes: as
    its library makes it; empty for a table that is only known from a catalog or a manifest. owner_column: says which
    owner a row belongs to. identifiers: a copy of a row beside the original has other values of these.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...] = ()
    references: tuple[Reference, ...] = ()
    unique: tuple[str, ...] = ()
    indexes: tuple[Index, ...] = ()
    owner_column: str | None = None
    vectors: tuple[str, ...] = ()
    identifiers: frozenset[str] = frozenset()
    schema: str | None = None
    """None: the schema that the service is configured for."""
    renamed: str | None = None
    """Its name in its schema, where `name` is another table's: that whose rows go into this one."""

    @property
    def relation(self) -> str:
        """Its name in its schema."""
        if self.renamed is not None:
            return self.renamed
        return self.name if self.schema is None else self.name.removeprefix(f"{self.schema}.")

    @property
    def place(self) -> str:
        """Its name as the database has it, whichever table's rows it takes."""
        return self.name if self.renamed is None else f"{self.schema}.{self.renamed}"

    @property
    def stem(self) -> str:
        """What the names of its files begin with. No two tables have the same."""
        return encoded(self.relation) if self.schema is None else f"{encoded(self.schema)}.{encoded(self.relation)}"


@dataclass(frozen=True)
class Ownership:
    """Rows of one table, `member`, belong by `column` to rows of another, `owner`, which have a `key` and a `name`.

    A member row that names an owner which is not there is an orphan, and is never written.
    """

    owner: str
    key: str
    name: str
    member: str
    column: str


@dataclass(frozen=True)
class Conversion:
    """How rows of an older shape become rows of the layout.

    The key of `table` is the value of `preferred` where that is there and no other row has it, else `fallback`.
    types: columns of any table whose type has changed, with the older and the newer one.
    """

    older: "Layout"
    table: str
    key: str
    preferred: str
    fallback: str
    types: Mapping[str, tuple[str, str]]

    @property
    def ids(self) -> tuple[str, str]:
        """The columns that the key is made of."""
        return (self.preferred, self.fallback)


@dataclass(frozen=True)
class Layout:
    """Tables in load order: a table comes after those that it refers to, but for cycles.

    family: what requests and manifests call it, whichever of its shapes the tables have.
    """

    name: str
    family: str
    tables: tuple[TableLayout, ...]
    ownership: Ownership | None = None
    conversions: tuple[Conversion, ...] = ()
    by_name: Mapping[str, TableLayout] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        named = MappingProxyType({table.name: table for table in self.tables})
        object.__setattr__(self, "by_name", named)

    def __getitem__(self, name: str) -> TableLayout:
        return self.by_name[name]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the tables, in load order."""
        return tuple(self.by_name)

    @property
    def owner(self) -> str | None:
        """The table whose rows own others."""
        return self.ownership.owner if self.ownership else None

    @property
    def member(self) -> str | None:
        """The table whose rows are owned."""
        return self.ownership.member if self.ownership else None

    @property
    def owned(self) -> Ownership:
        """The ownership, for what is about owners. Raises LookupError in a layout without one."""
        if self.ownership is None:
            raise LookupError(f"the tables of {self.name} have no owners")
        return self.ownership

    def relations(self, schema: str) -> frozenset[tuple[str, str]]:
        """Schema and name of every table; schema: where those are whose layout names none."""
        return frozenset((table.schema or schema, table.relation) for table in self.tables)

    def in_order(self, names: Sequence[str]) -> list[str]:
        """The chosen tables in load order. Raises InvalidParams for any other name, or one named twice."""
        if not names or len(set(names)) < len(names) or not set(names) <= set(self.names):
            raise InvalidParams(say("tables_invalid", supported=", ".join(self.names)), details={"field": "tables"})
        return [name for name in self.names if name in names]

    def only(self, names: Collection[str]) -> "Layout":
        """The chosen tables, as if there were no others."""
        tables = tuple(
            replace(table, references=tuple(one for one in table.references if one.table in names))
            for table in self.tables
            if table.name in names
        )
        owned = self.ownership and {self.ownership.owner, self.ownership.member} <= set(names)
        return Layout(self.name, self.family, tables, self.ownership if owned else None)

    def moved(self, places: Mapping[str, tuple[str, str]]) -> "Layout":
        """The same tables, some of them in other places: schema and name there."""
        tables = tuple(
            replace(table, schema=places[table.name][0], renamed=places[table.name][1])
            if table.name in places
            else table
            for table in self.tables
        )
        return replace(self, tables=tables)

    def in_place(self) -> "Layout":
        """The same tables, each called as the database has it."""
        called = {table.name: table.place for table in self.tables}
        tables = tuple(
            replace(
                table,
                name=table.place,
                renamed=None,
                references=tuple(replace(one, table=called.get(one.table, one.table)) for one in table.references),
            )
            for table in self.tables
        )
        return replace(self, tables=tables)

    @property
    def cyclic(self) -> bool:
        """Whether a table refers to one that comes after it: no order has each after those that it refers to."""
        later = set(self.names)
        for table in self.tables:
            if any(one.table in later and one.table != table.name for one in table.references):
                return True
            later.discard(table.name)
        return False

    def referring(self, name: str) -> list[tuple[TableLayout, Reference]]:
        """The other tables that refer to a table, and by what."""
        return [
            (table, reference)
            for table in self.tables
            for reference in table.references
            if reference.table == name and table.name != name
        ]

    def with_referring(self, names: Collection[str]) -> list[str]:
        """The chosen tables and all that refer to them, in load order: what a TRUNCATE has to name."""
        found, waiting = set(names), list(names)
        while waiting:
            referring = {table.name for table, _ in self.referring(waiting.pop())} - found
            found |= referring
            waiting += referring
        return [name for name in self.names if name in found]

    def shaped(self, columns: Mapping[str, Collection[str]]) -> "Layout":
        """The shape that tables with these columns have: this one, or an older one whose keys they have instead."""
        for shape in (self, *(conversion.older for conversion in self.conversions)):
            if all(set(shape[name].key) <= set(found) for name, found in columns.items()):
                return shape
        return self

    def telling(self, name: str) -> list[str]:
        """Columns by which a file is known for a table's, whichever shape the table had."""
        table, found = self[name], []
        if table.owner_column:
            found.append(table.owner_column)
        if self.ownership and name == self.ownership.owner:
            found.append(self.ownership.name)
        return [*found, *table.vectors]

    def known(self, name: str) -> dict[str, Column]:
        """The columns that a table has in any of its shapes, by name."""
        shapes = (*(conversion.older for conversion in self.conversions), self)
        return {column.name: column for shape in shapes for column in shape[name].columns}


def encoded(name: str) -> str:
    """A name for file systems: anything but small ASCII letters, digits, `_` and `-` by its bytes; no two the same."""
    data = name.encode()
    text = "".join(chr(byte) if PLAIN.fullmatch(bytes([byte])) else f"%{byte:02X}" for byte in data)
    if len(text) <= LONGEST_PART:
        return text
    digest = f"~{hashlib.sha256(data).hexdigest()[:8]}"
    return text[: LONGEST_PART - len(digest)] + digest
