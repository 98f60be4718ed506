"""Starting and stopping `python unified_api.py`."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.live_server import fresh

SECRET = "pa55-word"


as_users_start_it = pytest.mark.parametrize("launch", [fresh], ids=["from its first line"])
"""The others are forked, with all imports behind them."""


def said(server: Any) -> str:
    """What a service that didn't start left in its log; one line, and exit status 1."""
    assert server.process.wait(60) == 1
    (line,) = server.log.splitlines()
    return str(line)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("DATABASE_URL", f"postgresql://ann:{SECRET}@localhost/docs?service=prod"),
        ("MAX_BODY_BYTES", "lots"),
        ("OUTPUT_DIRECTORY", __file__),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_clear_line(
    start_server: Callable[..., Any], name: str, value: str
) -> None:
    line = said(start_server(**{name: value}))
    assert line.startswith(f"unified_api: {name} must be ")
    assert SECRET not in line


@as_users_start_it
def test_a_port_that_is_taken_stops_the_start_with_one_clear_line(
    live_server: Any, start_server: Callable[..., Any], database: TestDatabase
) -> None:
    port = live_server.address.rpartition(":")[2]
    line = said(start_server(PORT=port, DATABASE_URL=database.url))
    assert line.startswith("unified_api: can't listen on HOST 127.0.0.1, PORT " + port)
    assert "in use" in line
    assert "PORT chooses another port" in line


def test_a_host_that_nobody_knows_stops_the_start_with_one_clear_line(
    start_server: Callable[..., Any], database: TestDatabase
) -> None:
    line = said(start_server(HOST="nosuch.invalid", API_TOKEN="t" * 32, DATABASE_URL=database.url))
    assert line.startswith("unified_api: can't listen on HOST nosuch.invalid, PORT ")
    assert line.endswith("no such host")


@as_users_start_it
def test_it_starts_without_its_database_and_stops_when_told(start_server: Callable[..., Any]) -> None:
    server = start_server(DATABASE_URL=f"postgresql://ann:{SECRET}@127.0.0.1:1/docs")
    url = f"http://{server.address}/api/v0/data_pipeline/vector/restore/list"
    with urllib.request.urlopen(url) as response:
        assert json.load(response)["data"]["response"] == "未找到任何可用的备份文件"
    assert server.stop() == 0
    assert SECRET not in server.log
