"""A collection's columns as rows go: which fields a row has, and their Arrow schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from data_pipeline.stores.milvus import kinds
from data_pipeline.stores.milvus.kinds import DYNAMIC, Kind
from data_pipeline.stores.milvus.protocol import arrow, protocol


@dataclass(frozen=True)
class Column:
    """A field that rows have."""

    field: Any
    kind: Kind

    @property
    def name(self) -> str:
        return str(self.field.name)


@dataclass(frozen=True)
class RowShape:
    """The fields of a schema that rows are read and written with: the server makes a function's output itself."""

    columns: tuple[Column, ...]

    @classmethod
    def of(cls, schema: Any) -> "RowShape":
        """Raises kinds.Unsupported."""
        made = {name for function in schema.functions for name in function.output_field_names}
        fields = [one for one in schema.fields if not (one.is_function_output or one.name in made)]
        if schema.enable_dynamic_field and all(one.name != DYNAMIC for one in fields):
            fields.append(protocol().schema.FieldSchema(name=DYNAMIC, data_type=kinds.JSON, is_dynamic=True))
        return cls(tuple(Column(one, kinds.kind(one.data_type)) for one in fields))

    @property
    def key(self) -> Column:
        return next(column for column in self.columns if column.field.is_primary_key)

    @property
    def untried(self) -> list[Column]:
        """Columns of types that no server has shown yet."""
        return [column for column in self.columns if column.kind.untried]

    @cached_property
    def arrow(self) -> Any:
        """The Arrow schema of batches and of files."""
        pa = arrow()
        return pa.schema([pa.field(one.name, one.kind.type(one.field)) for one in self.columns])

    def read(self, page: Any) -> Any:
        """The record batch of an answer's fields_data, in the order of the columns."""
        found: Mapping[str, Any] = {data.field_name: data for data in page.fields_data}
        rows = row_count(found[self.key.name], self.key)
        arrays = [one.kind.read(found[one.name], one.field, rows) for one in self.columns]
        return arrow().RecordBatch.from_arrays(arrays, schema=self.arrow)

    def write(self, batch: Any, without: Sequence[str] = ()) -> list[Any]:
        """A batch as the fields_data of a request. without: columns that the server makes."""
        return [
            field_data(column, batch.column(place))
            for place, column in enumerate(self.columns)
            if column.name not in without
        ]

    @property
    def estimate(self) -> int:
        """About how many bytes a row has, before any was seen."""
        known = (kinds.dimensions(one.field) * 4 for one in self.columns)
        return sum(size or 512 for size in known)


def row_count(data: Any, key: Column) -> int:
    """Of an answer, by its keys, which are never NULL."""
    scalars = data.scalars
    return len(scalars.string_data.data if key.field.data_type == kinds.VARCHAR else scalars.long_data.data)


def field_data(column: Column, array: Any) -> Any:
    """One column of a request."""
    found = protocol().schema.FieldData(field_name=column.name, type=column.field.data_type)
    found.is_dynamic = column.name == DYNAMIC
    if array.null_count:
        found.valid_data.extend(array.is_valid().to_pylist())
    column.kind.write(array, found, column.field)
    return found
