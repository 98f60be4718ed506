"""The rows of a partition, in the order of their keys, a page at a time.

Paging without an order loses rows without an error, so each page is asked for as an iterator's: keys beyond the last
one, in order, from the moment of the first page where the server keeps that moment. Keys that don't rise are an error:
rows would be lost or come twice. One page is under way while the one before it is worked on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from common.errors import InternalError
from common.messages import say
from data_pipeline.stores.milvus import faults, kinds
from data_pipeline.stores.milvus.facts import CollectionFact
from data_pipeline.stores.milvus.protocol import protocol
from data_pipeline.stores.milvus.server import Server
from data_pipeline.stores.milvus.table import RowShape, row_count

PAGE_BYTES = 2 << 20
MOST_ROWS = 16384
"""Milvus gives no more in one answer."""

FIRST_ROWS = 256
"""How many are asked for while nothing is known of their size but the estimate."""

ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
STRONG = 0


@dataclass
class Reader:
    """partition: None for all rows of the collection, where the server spreads them over partitions."""

    server: Server
    collection: str
    shape: RowShape
    partition: str | None = None

    def batches(self) -> Iterator[Any]:
        """Record batches. Raises ServiceError, Cancelled."""
        pages = _Pages(self)
        while (batch := pages.next()) is not None:
            yield batch


class _Pages:
    """One pass. `_last`: the key behind which the next page begins. `_moment`: of the rows that are read, 0 unknown."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._last: str | int | None = None
        self._moment = 0
        self._rows = max(1, min(FIRST_ROWS, PAGE_BYTES // max(1, reader.shape.estimate)))
        self._limit = MOST_ROWS
        self._call: Any = None
        self._asked = 0

    def next(self) -> Any:
        page = self._page()
        key = self._reader.shape.key
        found = next((one for one in page.fields_data if one.field_name == key.name), None)
        if found is None or not row_count(found, key):
            return None
        self._moment = self._moment or int(page.session_ts)
        self._step(_keys(found, key))
        size = page.ByteSize()
        self._rows = max(1, min(self._limit, PAGE_BYTES * row_count(found, key) // max(1, size)))
        self._ask()
        return self._reader.shape.read(page)

    def _page(self) -> Any:
        """The page that was asked for; one that is too large with fewer rows."""
        if self._call is None:
            self._ask()
        reader = self._reader
        while True:
            try:
                return reader.server.answer("Query", self._call, reader.collection)
            except faults.TooLarge:
                if self._asked == 1:
                    details = {"step": "Query", "name": reader.collection, "server_code": 0}
                    raise faults.refused("Query", reader.collection, details) from None
                self._rows = self._limit = max(1, self._asked // 4)
            except faults.RateLimited:
                return reader.server.call("Query", self._request(), about=reader.collection)
            self._ask()

    def _ask(self) -> None:
        self._asked = self._rows
        self._call = self._reader.server.begin("Query", self._request())

    def _request(self) -> Any:
        reader, messages = self._reader, protocol()
        params = {"limit": self._asked, "iterator": "True", "reduce_stop_for_best": "True"}
        return messages.milvus.QueryRequest(
            collection_name=reader.collection,
            partition_names=[reader.partition] if reader.partition else [],
            expr=_beyond(reader.shape.key.name, self._last),
            output_fields=[column.name for column in reader.shape.columns],
            query_params=pairs(params),
            consistency_level=STRONG,
            guarantee_timestamp=self._moment,
        )

    def _step(self, keys: list[Any]) -> None:
        """Go on behind these keys. Raises InternalError unless each is greater than the one before it."""
        before = self._last
        for key in keys:
            if before is not None and not key > before:
                details = {"collection": self._reader.collection}
                raise InternalError(say("milvus_keys_unordered", name=self._reader.collection), details=details)
            before = key
        self._last = before


def pairs(values: dict[str, Any]) -> list[Any]:
    """As the protocol has them."""
    made = protocol().common.KeyValuePair
    return [made(key=key, value=str(value)) for key, value in values.items()]


def shape_of(fact: CollectionFact) -> RowShape:
    """The rows of a collection as it was saved."""
    return RowShape.of(fact.schema)


def literal(key: str | int) -> str:
    """A key in an expression."""
    if isinstance(key, int):
        return str(key)
    return '"' + "".join(ESCAPES.get(char, char) for char in key) + '"'


def _beyond(name: str, last: str | int | None) -> str:
    return "" if last is None else f"{name} > {literal(last)}"


def _keys(data: Any, key: Any) -> list[Any]:
    scalars = data.scalars
    return list(scalars.string_data.data if key.field.data_type == kinds.VARCHAR else scalars.long_data.data)
