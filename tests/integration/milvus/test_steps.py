"""The server is gone from any step of a restore on: the live rows are the old ones or the new, and nothing is left."""

from typing import Any

import pytest

from data_pipeline.stores.milvus import faults
from data_pipeline.stores.milvus.server import Server
from tests.integration.milvus.conftest import Service
from tests.integration.milvus.rows import held, make_plain

ROWS = 6
WAYS: dict[str, dict[str, Any]] = {
    "rename": {"swap": True, "drop_old": True},
    "alias": {"swap": True, "drop_old": True, "renames": {"docs": "current"}},
    "merge": {"merge": True},
}
BEFORE, AFTER = "before it is done", "after it was done"


class Outage:
    """From the call of a number on, each call fails: the first of them before it is done, or after it was done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        self._step, self._when = 0, BEFORE
        begin = Server.begin

        def failing(server: Server, method: str, request: Any, seconds: float = 60.0) -> Any:
            self.calls += 1
            if self._step and self.calls >= self._step:
                if self.calls == self._step and self._when == AFTER:
                    begin(server, method, request, seconds).result()
                raise faults.unreachable(method, "UNAVAILABLE")
            return begin(server, method, request, seconds)

        monkeypatch.setattr(Server, "begin", failing)

    def start(self, step: int, when: str) -> None:
        self.calls, self._step, self._when = 0, step, when

    def end(self) -> None:
        self._step = 0


def tried(service: Service, client: Any, monkeypatch: pytest.MonkeyPatch, way: str, steps: range) -> bool:
    """A restore with each step as the one that fails; whether it came to its end before the last of them."""
    make_plain(client, "docs", ROWS)
    if way == "alias":
        client.create_alias("docs", "current")
    chosen, new, outage = service.backup(), held(client, "docs"), Outage(monkeypatch)
    name = "current" if way == "alias" else "docs"
    for step in steps:
        when = AFTER if step % 2 else BEFORE
        client.upsert(name, [{"id": 1, "v": [0.5] * 8, "text": "another"}])
        old = held(client, name)
        outage.start(step, when)
        status, data = service.call("restore", set=chosen, target="milvus", **WAYS[way])
        outage.end()
        if status == 200:
            assert held(client, name) == new
            return True
        assert (status, data["error_type"]) == (500, "DATABASE_ERROR"), (step, data)
        service.restore(chosen, renames={"docs": "spare"})  # settles what is left
        client.drop_collection("spare")
        assert held(client, name) in (old, new), (step, when)
        assert len(client.list_collections()) == 1, (step, when, client.list_collections())
    return False


@pytest.mark.parametrize("way", WAYS)
def test_an_outage_at_some_steps(service: Service, pymilvus: Any, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    tried(service, pymilvus, monkeypatch, way, range(12, 31, 9))


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_an_outage_at_every_step(service: Service, pymilvus: Any, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    assert tried(service, pymilvus, monkeypatch, way, range(1, 200))
