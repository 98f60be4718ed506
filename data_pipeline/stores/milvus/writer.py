"""Rows into a collection: inserts, or upserts by key, of two megabytes each. One is under way while the next is made.

No two at a time: milvus-lite takes one writer a collection.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from data_pipeline.stores.milvus import faults
from data_pipeline.stores.milvus.protocol import protocol
from data_pipeline.stores.milvus.server import Server
from data_pipeline.stores.milvus.table import RowShape

BATCH_BYTES = 2 << 20
MOST_ROWS = 4096


class Writer:
    """Into one partition of a collection. upsert: rows of a key that is there are replaced. without: columns that the
    server makes."""

    def __init__(
        self,
        server: Server,
        collection: str,
        shape: RowShape,
        partition: str | None,
        *,
        upsert: bool = False,
        without: Sequence[str] = (),
    ) -> None:
        self.rows = 0
        self._server, self._collection, self._shape = server, collection, shape
        self._partition, self._without = partition, without
        self._method = "Upsert" if upsert else "Insert"
        self._request: Any = None
        self._call: Any = None

    def write(self, batch: Any) -> None:
        """Send the rows; the last of them may still be under way. Raises ServiceError, Cancelled."""
        for part in _parts(batch):
            request = self._made(part)
            self.finish()
            self._request, self._call = request, self._server.begin(self._method, request)

    def finish(self) -> None:
        """Wait for what is under way. Raises ServiceError, Cancelled."""
        if self._call is None:
            return
        try:
            found = self._server.answer(self._method, self._call, self._collection)
        except faults.RateLimited:
            found = self._server.call(self._method, self._request, about=self._collection)
        self.rows += int(found.upsert_cnt if self._method == "Upsert" else found.insert_cnt)
        self._request = self._call = None

    def _made(self, batch: Any) -> Any:
        made = getattr(protocol().milvus, f"{self._method}Request")
        return made(
            collection_name=self._collection,
            partition_name=self._partition or "",
            fields_data=self._shape.write(batch, self._without),
            num_rows=len(batch),
        )


def _parts(batch: Any) -> Iterator[Any]:
    rows = max(1, min(MOST_ROWS, BATCH_BYTES * len(batch) // max(1, batch.nbytes)))
    for start in range(0, len(batch), rows):
        yield batch.slice(start, rows)
