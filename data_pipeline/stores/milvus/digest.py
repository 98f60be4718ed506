"""A digest of rows that says whether two lots of them are the same, in any order and cut in any way.

The sum of the rows' hashes, so that a row too many counts as well as a row too few.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import chain
from typing import Any

from data_pipeline.stores.milvus.table import RowShape

BYTES = 16
NULL = b"\xff\xff\xff\xff"


class Sum:
    """The digest of the batches that went by. without: columns that don't count."""

    def __init__(self, shape: RowShape, without: Sequence[str] = ()) -> None:
        self.rows = 0
        self._shape, self._without = shape, without
        self._sum = 0

    def add(self, batch: Any) -> Any:
        """Count a batch; it is handed on."""
        self.rows += len(batch)
        for row in hashes(self._shape, batch, self._without):
            self._sum += int.from_bytes(row, "little")
        return batch

    @property
    def hex(self) -> str:
        return (self._sum % (1 << 8 * BYTES)).to_bytes(BYTES, "little").hex()


def hashes(shape: RowShape, batch: Any, without: Sequence[str] = ()) -> Iterator[bytes]:
    """A hash of each row: of its fields by name, in the order of their names."""
    columns = sorted((one.name, place) for place, one in enumerate(shape.columns) if one.name not in without)
    names = "\0".join(name for name, _ in columns).encode()
    cells = [
        [
            NULL if cell is None else len(cell).to_bytes(4, "little") + cell
            for cell in shape.columns[place].kind.cells(batch.column(place))
        ]
        for _, place in columns
    ]
    for row in zip(*cells, strict=True):
        yield blake2b(b"".join(chain((names,), row)), digest_size=BYTES).digest()
