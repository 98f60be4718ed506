"""What /readyz says of further targets and storages, to whom, and how long it waits for one that is silent."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from common.errors import ServiceUnavailable
from data_pipeline.api.operating.checkup import Checkup
from tests.conftest import TestDatabase
from tests.integration.conftest import Client

TOKEN = "the-token-that-opens-everything"
READ_TOKEN = "the-token-that-only-reads"
CANARY = "canary-pa55word"
NEVER = time.monotonic() + 3600
WELL = {"database": True, "storage": True, "queue": True}


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield int(listener.getsockname()[1])


@pytest.fixture
def further(database: TestDatabase, second_database: TestDatabase, silent: int, tmp_path: Path) -> dict[str, str]:
    """Settings with further places, some of them away."""
    (tmp_path / "file").write_bytes(b"")
    targets = {
        "second": second_database.url,
        "gone": f"postgresql://ann:{CANARY}@127.0.0.1:1/docs",
        "mute": f"postgresql://ann:{CANARY}@127.0.0.1:{silent}/docs",
    }
    return {
        "DATABASE_URL": database.url,
        "TARGETS": json.dumps(targets),
        "STORAGES": json.dumps({"archive": str(tmp_path / "archive"), "broken": str(tmp_path / "file" / "below")}),
        "PG_CONNECT_TIMEOUT": "2",
    }


EVERYTHING = {
    "targets": {"second": True, "gone": False, "mute": False},
    "storages": {"archive": True, "broken": False},
}


def told(response: Any) -> dict[str, Any]:
    data = response.get_json()["data"]
    return {name: data[name] for name in ("checks", "targets", "storages") if name in data}


def test_a_further_place_that_is_away_is_named_and_costs_nothing_else(
    make_client: Callable[..., Client], further: dict[str, str]
) -> None:
    response = make_client(**further).get("/readyz")
    assert (response.status_code, told(response)) == (200, {"checks": WELL, **EVERYTHING})
    assert CANARY not in response.text


def test_without_its_database_the_others_are_named_all_the_same(
    make_client: Callable[..., Client], further: dict[str, str]
) -> None:
    response = make_client(**further | {"DATABASE_URL": f"postgresql://ann:{CANARY}@127.0.0.1:1/docs"}).get("/readyz")
    assert (response.status_code, told(response)) == (503, {"checks": {**WELL, "database": False}, **EVERYTHING})


def test_only_a_caller_that_may_do_everything_is_told_of_further_places(
    make_client: Callable[..., Client], further: dict[str, str]
) -> None:
    client = make_client(**further, API_TOKEN=TOKEN, API_READ_TOKEN=READ_TOKEN)
    for headers in ({}, {"Authorization": f"Bearer {READ_TOKEN}"}, {"Authorization": "Bearer wrong"}):
        assert told(client.get("/readyz", headers=headers)) == {"checks": WELL}
    assert told(client.get("/readyz", headers={"Authorization": f"Bearer {TOKEN}"})) == {"checks": WELL, **EVERYTHING}


def test_a_database_that_takes_connections_and_is_silent_is_not_waited_for(
    make_client: Callable[..., Client], further: dict[str, str], silent: int
) -> None:
    response = make_client(**further | {"DATABASE_URL": f"postgresql://ann@127.0.0.1:{silent}/docs"}).get("/readyz")
    assert (response.status_code, told(response)["checks"]) == (503, {**WELL, "database": False})


def test_a_check_that_hangs_is_not_waited_for_and_keeps_one_thread() -> None:
    released, calls = threading.Event(), []

    def hang() -> None:
        calls.append(1)
        released.wait(60)

    checkup = Checkup(hang)
    for _ in range(3):
        checkup.begin()
        assert checkup.passed(deadline=0.0) is False
    released.set()
    assert checkup.passed(deadline=NEVER) is True
    assert calls == [1]


def test_a_fresh_result_is_told_again_and_an_old_one_is_not() -> None:
    calls: list[int] = []

    def fail_first() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise ServiceUnavailable("away")

    remembered, asked_anew = Checkup(fail_first, fresh=3600), Checkup(fail_first)
    for _ in range(2):
        remembered.begin()
        assert remembered.passed(deadline=NEVER) is False
    for count in (2, 3):
        asked_anew.begin()
        assert asked_anew.passed(deadline=NEVER) is True
        assert len(calls) == count
