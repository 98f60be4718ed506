"""Wrong tokens are counted by the client's address, wherever they are given; a right one is let in at any time."""

from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.request import Request, urlopen

import pytest
from structlog.testing import capture_logs

from common.errors import TooManyAttempts
from data_pipeline.api import PREFIX
from data_pipeline.api.security import throttle
from data_pipeline.api.security.throttle import Throttle
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import failure

TOKEN = "the-token-that-opens-everything"
LIST = f"{PREFIX}/restore/list"
SESSION = f"{PREFIX}/session"
PROXY = "127.0.0.1"  # where the tests' client comes from
GUESSER, USER = "198.51.100.7", "203.0.113.9"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "PAUSE_SECONDS", 0.0)


@pytest.fixture
def guarded(make_client: Callable[..., Client], database: TestDatabase) -> Any:
    return make_client(DATABASE_URL=database.url, API_TOKEN=TOKEN, TRUSTED_PROXIES=PROXY)


def bearer(client: Client, token: str, address: str = PROXY) -> Any:
    return client.get(LIST, headers={"Authorization": f"Bearer {token}", "X-Forwarded-For": address})


def sign_in(client: Client, token: str, address: str = PROXY) -> Any:
    return client.post(SESSION, json={"token": token}, headers={"X-Forwarded-For": address})


@pytest.mark.parametrize("give", [bearer, sign_in])
def test_one_wrong_token_too_many_is_told_to_wait_and_the_right_one_is_let_in(
    guarded: Any, monkeypatch: pytest.MonkeyPatch, give: Callable[..., Any]
) -> None:
    for number in range(throttle.MOST_FAILURES):
        assert failure(give(guarded, f"wrong {number}", GUESSER)) == (401, "UNAUTHORIZED")
    for again in (bearer, sign_in):  # they are counted together
        refused = again(guarded, "wrong again", GUESSER)
        assert failure(refused) == (429, "TOO_MANY_ATTEMPTS")
        assert 1 <= int(refused.headers["Retry-After"]) <= throttle.WINDOW_SECONDS
        assert failure(again(guarded, "wrong elsewhere", USER)) == (401, "UNAUTHORIZED")
        assert again(guarded, TOKEN, GUESSER).status_code == 200
    monkeypatch.setattr(throttle, "WINDOW_SECONDS", 0.0)
    assert failure(give(guarded, "wrong later", GUESSER)) == (401, "UNAUTHORIZED")


def test_a_request_without_a_token_is_no_guess(guarded: Any) -> None:
    for _ in range(throttle.MOST_FAILURES + 1):
        assert failure(guarded.get(LIST)) == (401, "UNAUTHORIZED")


def test_without_a_trusted_proxy_the_header_is_the_clients_own_word(
    make_client: Callable[..., Client], database: TestDatabase
) -> None:
    client = make_client(DATABASE_URL=database.url, API_TOKEN=TOKEN)
    for number in range(throttle.MOST_FAILURES):
        bearer(client, "wrong", f"198.51.100.{number}")
    assert failure(bearer(client, "wrong", USER)) == (429, "TOO_MANY_ATTEMPTS")
    assert bearer(client, TOKEN, USER).status_code == 200


def test_the_audit_and_the_history_name_the_client_and_not_the_proxy(guarded: Any) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": f"1.1.1.1, {USER}"}
    with capture_logs() as captured:
        guarded.post(f"{PREFIX}/backup", headers=headers)
    assert [line["client"] for line in captured if line["event"] == "write"] == [USER]


def test_the_server_hands_the_header_over(start_server: Callable[..., Any], database: TestDatabase) -> None:
    server = start_server(DATABASE_URL=database.url, API_TOKEN=TOKEN, TRUSTED_PROXIES="127.0.0.0/8")
    headers = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": USER}
    with closing(urlopen(Request(f"http://{server.address}{PREFIX}/backup", b"{}", headers), timeout=60)) as answer:
        assert answer.status == 200
    assert f'"client": "{USER}"' in server.log


def test_readiness_tells_a_guesser_nothing_and_is_answered_all_the_same(guarded: Any) -> None:
    for _ in range(throttle.MOST_FAILURES):
        answer = guarded.get("/readyz", headers={"Authorization": "Bearer wrong", "X-Forwarded-For": GUESSER})
        assert answer.status_code == 200
    assert failure(bearer(guarded, "wrong", GUESSER)) == (429, "TOO_MANY_ATTEMPTS")
    assert guarded.get("/readyz", headers={"Authorization": "Bearer wrong"}).status_code == 200


def test_only_so_many_clients_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MOST_CLIENTS", 2)
    counted = Throttle(places=0)
    for client in ("192.0.2.1", *["192.0.2.2"] * throttle.MOST_FAILURES, "192.0.2.3"):
        counted.failed(client)
    with pytest.raises(TooManyAttempts):
        counted.failed("192.0.2.2")
    for _ in range(throttle.MOST_FAILURES):
        counted.failed("192.0.2.1")  # forgotten, and counted anew
    with pytest.raises(TooManyAttempts):
        counted.failed("192.0.2.1")


def test_a_guesser_is_held_back_as_long_as_there_are_threads_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[Any] = []
    counted = Throttle(places=1)

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        with pytest.raises(TooManyAttempts):  # another one meanwhile, whose answer doesn't wait
            counted.failed("192.0.2.1")

    monkeypatch.setattr(throttle.time, "sleep", pause)
    for _ in range(throttle.MOST_FAILURES):
        counted.failed("192.0.2.1")
    assert pauses == []
    for count in (1, 2):
        with pytest.raises(TooManyAttempts):
            counted.failed("192.0.2.1")
        assert pauses == [throttle.PAUSE_SECONDS] * count
