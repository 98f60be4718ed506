"""Pages of rows in the order of their keys: each begins behind the last one, and none is too large for long."""

from collections.abc import Sequence
from typing import Any, cast

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("pymilvus")

from common.errors import InternalError, SchemaMismatch
from data_pipeline.stores.milvus import faults, kinds, reader
from data_pipeline.stores.milvus.protocol import arrow, protocol
from data_pipeline.stores.milvus.reader import FIRST_ROWS, Reader
from data_pipeline.stores.milvus.server import Server
from data_pipeline.stores.milvus.table import RowShape


def shape() -> RowShape:
    key = protocol().schema.FieldSchema(name="id", data_type=kinds.VARCHAR, is_primary_key=True)
    return RowShape.of(protocol().schema.CollectionSchema(name="docs", fields=[key]))


def page(*keys: str) -> Any:
    found = arrow().RecordBatch.from_arrays([arrow().array(keys, arrow().string())], schema=shape().arrow)
    return protocol().milvus.QueryResults(fields_data=shape().write(found), session_ts=77)


class Scripted:
    """A server that answers with these, one after the other, and keeps what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self._answers = [*answers, protocol().milvus.QueryResults()]
        self.asked: list[Any] = []

    def begin(self, _method: str, request: Any) -> Any:
        self.asked.append(request)
        return request

    def answer(self, _method: str, _call: Any, _about: str) -> Any:
        found = self._answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    def call(self, method: str, request: Any, *, about: str) -> Any:
        return self.answer(method, self.begin(method, request), about)

    @property
    def limits(self) -> list[int]:
        return [int(next(one.value for one in asked.query_params if one.key == "limit")) for asked in self.asked]


def keys(server: Scripted) -> Sequence[str]:
    batches = Reader(cast("Server", server), "docs", shape()).batches()
    return [key for found in batches for key in found.column("id").to_pylist()]


def test_each_page_begins_behind_the_last_key_at_the_moment_of_the_first() -> None:
    server = Scripted(page("a", 'b"\\'), page("c"))
    assert keys(server) == ["a", 'b"\\', "c"]
    assert [one.expr for one in server.asked] == ["", 'id > "b\\"\\\\"', 'id > "c"']
    assert [one.guarantee_timestamp for one in server.asked] == [0, 77, 77]


@pytest.mark.parametrize("second", [("b",), ("a", "c"), ("d", "c"), ("c", "c")])
def test_keys_that_do_not_rise_are_an_error(second: tuple[str, ...]) -> None:
    with pytest.raises(InternalError) as caught:
        keys(Scripted(page("a", "b"), page(*second)))
    assert caught.value.data["details"] == {"collection": "docs"}


def test_a_page_that_is_too_large_is_asked_for_with_fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "PAGE_BYTES", 1 << 30)
    server = Scripted(faults.TooLarge(), faults.TooLarge(), page("a"), page("b"))
    assert keys(server) == ["a", "b"]
    assert server.limits == [FIRST_ROWS, FIRST_ROWS // 4, *[FIRST_ROWS // 16] * 3]


def test_pages_grow_to_what_a_page_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    first = page("a", "b")
    monkeypatch.setattr(reader, "PAGE_BYTES", first.ByteSize() * 50)
    server = Scripted(first)
    keys(server)
    assert server.limits[1] == 100


def test_a_row_that_is_too_large_alone_is_refused() -> None:
    with pytest.raises(SchemaMismatch):
        keys(Scripted(*[faults.TooLarge()] * 5))


def test_a_quota_of_the_moment_is_waited_for() -> None:
    assert keys(Scripted(page("a"), faults.RateLimited(), page("b"))) == ["a", "b"]
