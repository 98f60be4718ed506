"""The panel's sessions: what a cookie is worth, and for how long."""

from collections.abc import Callable
from typing import Any

import itsdangerous.timed
import pytest
from flask.testing import FlaskClient

from data_pipeline.api import PREFIX
from data_pipeline.api.security.session import COOKIE, LIFETIME_SECONDS, Sessions
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import failure

TOKEN = "the-token-that-opens-everything"
READ_TOKEN = "the-token-that-only-reads"
SESSION = f"{PREFIX}/session"
LIST = f"{PREFIX}/restore/list"
BOTH = {"API_TOKEN": TOKEN, "API_READ_TOKEN": READ_TOKEN}


@pytest.fixture
def guarded(make_client: Callable[..., Client], database: TestDatabase) -> Any:
    return make_client(DATABASE_URL=database.url, **BOTH)


def signed_in(client: Client, token: str = TOKEN, **headers: str) -> Any:
    response = client.post(SESSION, json={"token": token}, headers=headers)
    assert response.status_code == 200, response.text
    return response


def test_a_session_reads_and_with_its_own_csrf_token_writes(guarded: Any) -> None:
    assert signed_in(guarded).get_json()["data"]["access"] == "write"
    assert guarded.get(LIST).status_code == 200
    assert failure(guarded.backup()) == (403, "FORBIDDEN")
    csrf = guarded.get(SESSION).get_json()["data"]["csrf_token"]
    assert guarded.post(f"{PREFIX}/backup", headers={"X-CSRF-Token": csrf}).status_code == 200
    signed_in(guarded)
    assert failure(guarded.post(f"{PREFIX}/backup", headers={"X-CSRF-Token": csrf})) == (403, "FORBIDDEN")


def test_a_session_says_what_it_may_do_and_until_when(guarded: Any) -> None:
    data = guarded.get(SESSION).get_json()["data"]
    assert (data["sign_in_required"], data["access"], data["csrf_token"]) == (True, None, None)
    signed_in(guarded, READ_TOKEN)
    data = guarded.get(SESSION).get_json()["data"]
    assert data["access"] == "read"
    assert data["expires_at"] is not None
    headers = {"X-CSRF-Token": data["csrf_token"]}
    assert failure(guarded.post(f"{PREFIX}/backup", headers=headers)) == (403, "FORBIDDEN")
    assert guarded.get(f"{PREFIX}/settings").status_code == 200


def test_without_tokens_there_is_nothing_to_sign_in_to(client: Client) -> None:
    assert client.get(SESSION).get_json()["data"]["sign_in_required"] is False
    assert client.get(SESSION).get_json()["data"]["access"] == "write"
    assert failure(client.post(SESSION, json={"token": "anything"})) == (401, "UNAUTHORIZED")


def test_a_cookie_is_for_https_only_where_the_page_came_by_it(
    make_client: Callable[..., Client], database: TestDatabase
) -> None:
    site = "https://panel.example.com"
    client = make_client(DATABASE_URL=database.url, CORS_ORIGINS=site, **BOTH)
    assert "Secure" not in signed_in(client).headers["Set-Cookie"]
    behind_a_proxy = signed_in(client, Origin=site).headers["Set-Cookie"]
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(behind_a_proxy.split("; "))


def test_sessions_live_through_a_restart_and_end_with_their_token(
    make_client: Callable[..., Client], database: TestDatabase
) -> None:
    signed_in(before := make_client(**BOTH))
    cookie = before.get_cookie(COOKIE)
    assert cookie
    value = cookie.value

    def answered(**changed: str) -> int:
        client = make_client(DATABASE_URL=database.url, **{**BOTH, **changed})
        client.set_cookie(COOKIE, value)
        return int(client.get(LIST).status_code)

    assert [answered(), answered(API_READ_TOKEN=f"{READ_TOKEN}2")] == [200, 200]
    assert [answered(API_TOKEN=f"{TOKEN}2"), answered(API_TOKEN="")] == [401, 401]


def test_whoever_only_reads_can_make_no_session_that_writes() -> None:
    reader = Sessions({"API_READ_TOKEN": READ_TOKEN, "API_TOKEN": READ_TOKEN})
    assert Sessions({"API_TOKEN": TOKEN, "API_READ_TOKEN": READ_TOKEN}).of(reader.begin("API_TOKEN")) is None
    assert Sessions({"API_READ_TOKEN": READ_TOKEN}).of(reader.begin("API_TOKEN")) is None


def test_a_cookie_that_was_changed_is_worth_nothing() -> None:
    sessions = Sessions({"API_TOKEN": TOKEN})
    cookie = sessions.begin("API_TOKEN")
    assert sessions.of(cookie) is not None
    for changed in (cookie[:-1], f"x{cookie}", "", "a.b.c", "é", None):
        assert sessions.of(changed) is None


def test_a_session_ends_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = Sessions({"API_TOKEN": TOKEN})
    cookie = sessions.begin("API_TOKEN")
    now = itsdangerous.timed.time.time()
    for later, alive in ((LIFETIME_SECONDS - 10, True), (LIFETIME_SECONDS + 10, False)):
        monkeypatch.setattr(itsdangerous.timed.TimestampSigner, "get_timestamp", lambda _, at=now + later: int(at))
        assert (sessions.of(cookie) is not None) is alive


def test_a_bearer_token_comes_before_the_cookie(guarded: Any) -> None:
    signed_in(guarded)
    assert failure(guarded.get(LIST, headers={"Authorization": "Bearer wrong"})) == (401, "UNAUTHORIZED")
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert guarded.post(f"{PREFIX}/backup", headers=bearer).status_code == 200


def test_the_page_and_its_files_need_no_token_and_run_nothing_from_elsewhere(guarded: Any) -> None:
    plain = FlaskClient(guarded.application, guarded.application.response_class)
    for path, mimetype in (("/", "text/html"), ("/panel/main.js", "text/javascript"), ("/panel/panel.css", "text/css")):
        with plain.get(path) as answer:
            assert (answer.status_code, answer.mimetype) == (200, mimetype)
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'self';")
    for path in ("/panel/nothing.js", "/panel/index.html", "/panel/panel.py"):
        assert guarded.get(path).status_code == 404, path


def test_settings_are_told_without_secrets_or_paths(
    make_client: Callable[..., Client], database: TestDatabase, bucket: Any
) -> None:
    secrets = "postgresql://app:hidden-away@127.0.0.1:5432/app"
    env = {"TARGETS": f'{{"staging": "{secrets}"}}', "STORAGES": f'{{"archive": "{bucket.url}"}}', **BOTH}
    client = make_client(DATABASE_URL=database.url, JOBS_DATABASE_URL=secrets, **env)
    answer = client.get(f"{PREFIX}/settings", headers={"Authorization": f"Bearer {READ_TOKEN}"})
    data = answer.get_json()["data"]
    assert data["storages"] == ["local", "archive"]
    assert data["targets"]["staging"]["dbname"] == "app"
    assert data["database"]["dbname"] == database.dbname
    assert (data["settings"]["API_TOKEN"], data["settings"]["OUTPUT_DIRECTORY"]) == ("set", "directory")
    assert data["settings"]["STORAGES"] == {"archive": "bucket"}
    for secret in ("hidden-away", TOKEN, READ_TOKEN, bucket.url):
        assert secret not in answer.text
