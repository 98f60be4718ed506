"""What a type of Milvus' fields is.

A kind reads a FieldData into an Arrow array, writes an array into a FieldData, and gives each value as bytes that are
the same for the same value wherever it came from (`cells`), of which digests are made.
"""

from typing import Any

from data_pipeline.stores.milvus.kinds.values import Array, FieldData, FieldSchema


class Unsupported(Exception):
    """A field of a type that is not known here."""


class Kind:
    """One type. code: its number in the protocol. untried: built by the documentation, shown on no server yet."""

    untried = False

    def __init__(self, code: int, name: str) -> None:
        self.code = code
        self.name = name

    def type(self, field: FieldSchema) -> Any:
        """The Arrow type of a column of this field."""
        raise NotImplementedError

    def read(self, data: FieldData, field: FieldSchema, rows: int) -> Array:
        """The column of a page."""
        raise NotImplementedError

    def write(self, array: Array, data: FieldData, field: FieldSchema) -> None:
        """Fill a FieldData in, its valid_data left to the caller. Values are those that aren't NULL."""
        raise NotImplementedError

    def cells(self, array: Array) -> list[bytes | None]:
        """Each value, canonical."""
        raise NotImplementedError
