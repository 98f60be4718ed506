"""Users: signed in and out, their passwords, sessions and tokens, and what is refused."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from data_pipeline.accounts import accounts as rules
from data_pipeline.accounts import passwords
from data_pipeline.api import BASE, PREFIX
from data_pipeline.api.security.session import COOKIE
from data_pipeline.jobs.backend.accounts import secrets
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import data_of, failure
from tests.support.users import GUARDED, OTHER_PASSWORD, PASSWORD, SESSION, TOKEN, Browser, bearer, make_user

LIST = f"{PREFIX}/restore/list"
USERS = f"{BASE}/users"
NOWHERE = "postgresql://postgres@127.0.0.1:1/x"
GUESSER = "198.51.100.7"


@pytest.fixture
def guarded(make_client: Callable[..., Client], database: TestDatabase, jobs_database: TestDatabase) -> Any:
    """A service with tokens and no users yet."""
    proxy = {"TRUSTED_PROXIES": "127.0.0.1"}
    return make_client(DATABASE_URL=database.url, JOBS_DATABASE_URL=jobs_database.url, **GUARDED, **proxy)


@pytest.fixture
def alice(guarded: Any) -> Browser:
    """An admin who has signed in."""
    make_user(guarded, "alice")
    return Browser.signed_in(guarded, "alice")


def sign_in(client: Any, name: str, password: str, address: str = "203.0.113.9") -> Any:
    return client.twin().post(SESSION, json={"name": name, "password": password}, headers={"X-Forwarded-For": address})


def age_sessions(jobs_database: TestDatabase, column: str, by: str) -> None:
    jobs_database.execute(f"UPDATE vector_jobs.user_sessions SET {column} = {column} - %s::interval", (by,))


# Signing in


def test_a_user_signs_in_with_a_name_in_any_case_and_a_password(guarded: Any) -> None:
    make_user(guarded, "alice@example.com", "operator")
    answered = sign_in(guarded, " Alice@Example.com ", PASSWORD)
    assert data_of(answered)["role"] == "operator"
    cookie = answered.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    shown = Browser.signed_in(guarded, "alice@example.com").look()
    assert (shown["user"], shown["role"], shown["access"]) == ("alice@example.com", "operator", "read")
    assert shown["may"] == ["read", "check", "operate", "whole_data", "own"]


def test_a_session_writes_with_its_csrf_token_only(alice: Browser) -> None:
    assert alice.call("POST", "/vector/backup").status_code == 200
    for forged in ("", "0" * 47, "é"):
        assert failure(alice.call("POST", "/vector/backup", **{"X-CSRF-Token": forged})) == (403, "FORBIDDEN")
    cross = {"Origin": "https://evil.example.com"}
    assert failure(alice.call("GET", "/vector/restore/list", **cross)) == (403, "FORBIDDEN")


def test_a_wrong_password_an_unknown_name_and_a_disabled_user_are_told_the_same(
    guarded: Any, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the same work is done for each: a hash is computed."""
    compared: list[str | None] = []
    matches = passwords.matches

    def remember(kept: str | None, given: str) -> bool:
        compared.append(kept)
        return matches(kept, given)

    monkeypatch.setattr(passwords, "matches", remember)
    make_user(guarded, "bob", "viewer")
    assert alice.call("PUT", "/users/bob", {"role": "viewer", "disabled": True}).status_code == 200
    told = [
        sign_in(guarded, name, password)
        for name, password in (("alice", "wrong"), ("nobody-of-this-name", PASSWORD), ("bob", PASSWORD))
    ]
    assert {failure(one) for one in told} == {(401, "UNAUTHORIZED")}
    assert len({one.get_json()["data"]["response"] for one in told}) == 1
    assert [kept is None for kept in compared] == [False, True, False]
    kept_of_none = passwords.HASHER.check_needs_rehash(passwords.NO_HASH)
    assert kept_of_none is False


def test_an_account_is_locked_after_ten_wrong_passwords_and_others_are_not(
    guarded: Any, alice: Browser, jobs_database: TestDatabase
) -> None:
    make_user(guarded, "bob", "viewer")
    for number in range(rules.MOST_OF_AN_ACCOUNT):
        assert failure(sign_in(guarded, "bob", "wrong", f"198.51.100.{number}")) == (401, "UNAUTHORIZED")
    locked = sign_in(guarded, "bob", PASSWORD)
    assert failure(locked) == (429, "TOO_MANY_ATTEMPTS")
    assert 1 <= int(locked.headers["Retry-After"]) <= 900
    assert sign_in(guarded, "alice", PASSWORD).status_code == 200
    assert alice.look()["user"] == "alice"
    jobs_database.execute("UPDATE vector_jobs.sign_in_attempts SET since = since - interval '15 minutes'")
    assert sign_in(guarded, "bob", PASSWORD).status_code == 200


def test_names_that_no_user_has_are_locked_too(guarded: Any) -> None:
    """Or else a lock would tell that there is such a user."""
    for _ in range(rules.MOST_OF_AN_ACCOUNT):
        assert failure(sign_in(guarded, "nobody", "wrong")) == (401, "UNAUTHORIZED")
    assert failure(sign_in(guarded, "nobody", "wrong")) == (429, "TOO_MANY_ATTEMPTS")


def test_an_address_is_locked_whatever_names_it_tries(
    guarded: Any, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST_OF_AN_ADDRESS", 3)
    for number in range(3):
        assert failure(sign_in(guarded, f"user-{number}", "wrong", GUESSER)) == (401, "UNAUTHORIZED")
    assert failure(sign_in(guarded, "alice", PASSWORD, GUESSER)) == (429, "TOO_MANY_ATTEMPTS")
    assert sign_in(guarded, "alice", PASSWORD).status_code == 200


def test_many_guesses_at_a_time_are_no_more_than_their_number(guarded: Any, alice: Browser) -> None:
    ready = threading.Barrier(16)
    answers: list[int] = []

    def guess(number: int) -> None:
        ready.wait(30)
        answers.append(sign_in(guarded, "alice", f"wrong {number}", f"198.51.100.{number}").status_code)

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(ready.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answers) == [401] * rules.MOST_OF_AN_ACCOUNT + [429] * (16 - rules.MOST_OF_AN_ACCOUNT)


def test_what_is_given_for_a_name_is_told_nowhere(guarded: Any, jobs_database: TestDatabase) -> None:
    """A password typed into the wrong field."""
    with capture_logs() as captured:
        sign_in(guarded, PASSWORD, "alice")
    kept = jobs_database.fetch("SELECT subject FROM vector_jobs.sign_in_attempts")
    noted = jobs_database.fetch("SELECT details::text FROM vector_jobs.audit_log")
    assert kept
    assert PASSWORD not in f"{captured}{kept}{noted}"


# Sessions


def test_signing_out_ends_the_session_and_not_only_the_cookie(alice: Browser) -> None:
    cookie = alice.cookie
    assert alice.call("DELETE", "/vector/session").status_code == 200
    alice.cookie = cookie
    assert failure(alice.call("GET", "/vector/restore/list")) == (401, "UNAUTHORIZED")


def test_signing_out_everywhere_ends_every_session(guarded: Any, alice: Browser) -> None:
    phone = Browser.signed_in(guarded, "alice")
    assert data_of(alice.call("POST", "/account/sign-out"))["ended"] == 2
    assert [failure(one.call("GET", "/account")) for one in (alice, phone)] == [(401, "UNAUTHORIZED")] * 2


def test_a_stolen_session_ends_with_a_change_of_the_password(guarded: Any, alice: Browser) -> None:
    thief = Browser(guarded.twin(), alice.csrf)
    thief.cookie = alice.cookie
    assert thief.call("GET", "/account").status_code == 200
    wrong = {"current_password": "not this one", "password": OTHER_PASSWORD}
    assert failure(thief.call("POST", "/account/password", wrong)) == (403, "FORBIDDEN")
    right = {"current_password": PASSWORD, "password": OTHER_PASSWORD}
    assert data_of(alice.call("POST", "/account/password", right))["role"] == "admin"
    assert failure(thief.call("GET", "/account")) == (401, "UNAUTHORIZED")
    alice.look()
    assert alice.call("POST", "/vector/backup").status_code == 200
    assert failure(sign_in(guarded, "alice", PASSWORD)) == (401, "UNAUTHORIZED")
    assert sign_in(guarded, "alice", OTHER_PASSWORD).status_code == 200


def test_the_secret_of_a_session_is_exchanged_and_the_old_one_ends_it(
    alice: Browser, jobs_database: TestDatabase
) -> None:
    first = alice.cookie
    age_sessions(jobs_database, "rotated_at", "1 hour")
    assert alice.call("GET", "/account").status_code == 200
    second = alice.cookie
    assert second != first
    alice.cookie = first  # requests that were under way
    assert alice.call("GET", "/account").status_code == 200
    assert alice.cookie == first
    alice.cookie = second
    assert alice.call("POST", "/vector/backup").status_code == 200  # with the CSRF token from before
    age_sessions(jobs_database, "confirmed_at", "2 minutes")
    alice.cookie = first
    assert failure(alice.call("GET", "/account")) == (401, "UNAUTHORIZED")
    alice.cookie = second
    assert failure(alice.call("GET", "/account")) == (401, "UNAUTHORIZED"), "two have it: it ends for both"


def test_a_new_secret_that_got_lost_on_its_way_is_given_again(alice: Browser, jobs_database: TestDatabase) -> None:
    first = alice.cookie
    age_sessions(jobs_database, "rotated_at", "1 hour")
    alice.call("GET", "/account")
    alice.cookie = first
    age_sessions(jobs_database, "rotated_at", "2 minutes")
    assert alice.call("GET", "/account").status_code == 200
    third = alice.cookie
    assert third != first
    assert alice.call("GET", "/account").status_code == 200
    assert alice.cookie == third


def test_a_session_ends_after_twelve_hours_however_often_it_is_used(
    alice: Browser, jobs_database: TestDatabase
) -> None:
    age_sessions(jobs_database, "expires_at", "11 hours 59 minutes")
    assert alice.call("GET", "/account").status_code == 200
    age_sessions(jobs_database, "expires_at", "1 minute")
    assert failure(alice.call("GET", "/account")) == (401, "UNAUTHORIZED")
    assert alice.look()["access"] is None


def test_a_cookie_that_was_changed_is_worth_nothing(alice: Browser) -> None:
    good = alice.cookie
    for changed in (good[:-1], f"{good}x", secrets.SESSION, f"{secrets.SESSION}x", "é", good.replace("vbs_", "vbt_")):
        alice.cookie = changed
        assert failure(alice.call("GET", "/account")) == (401, "UNAUTHORIZED")


# Users


def test_another_role_holds_at_once_for_sessions_and_tokens(guarded: Any, alice: Browser) -> None:
    make_user(guarded, "bob", "operator")
    bob = Browser.signed_in(guarded, "bob")
    token = data_of(bob.call("POST", "/account/tokens", {"name": "ci"}), 201)["secret"]
    backup = f"{PREFIX}/backup"
    assert guarded.post(backup, headers=bearer(token)).status_code == 200
    assert data_of(alice.call("PUT", "/users/bob", {"role": "viewer"}))["role"] == "viewer"
    refused = bob.call("POST", "/vector/backup")
    assert failure(refused) == (403, "FORBIDDEN")
    assert "viewer" in refused.get_json()["data"]["response"]
    assert failure(guarded.post(backup, headers=bearer(token))) == (403, "FORBIDDEN")
    assert alice.call("PUT", "/users/bob", {"role": "operator", "disabled": True}).status_code == 200
    assert failure(bob.call("GET", "/account")) == (401, "UNAUTHORIZED")
    assert failure(guarded.get(LIST, headers=bearer(token))) == (401, "UNAUTHORIZED")
    assert alice.call("PUT", "/users/bob", {"role": "operator"}).status_code == 200
    assert guarded.get(LIST, headers=bearer(token)).status_code == 200
    assert failure(bob.call("GET", "/account")) == (401, "UNAUTHORIZED"), "an ended session stays so"


def test_the_last_admin_is_neither_deleted_nor_demoted_nor_shut_out(guarded: Any, alice: Browser) -> None:
    make_user(guarded, "bob", "operator")
    for method, body in (
        ("DELETE", None),
        ("PUT", {"role": "operator"}),
        ("PUT", {"role": "admin", "disabled": True}),
    ):
        assert failure(alice.call(method, "/users/alice", body)) == (409, "LAST_ADMIN")
        by_token = guarded.open(f"{USERS}/alice", method=method, json=body, headers=bearer(TOKEN))
        assert failure(by_token) == (409, "LAST_ADMIN")
    assert alice.call("PUT", "/users/alice", {"role": "admin"}).status_code == 200
    assert alice.call("PUT", "/users/bob", {"role": "admin"}).status_code == 200
    assert alice.call("DELETE", "/users/alice").status_code == 200
    assert failure(alice.call("GET", "/account")) == (401, "UNAUTHORIZED")


def test_two_admins_who_demote_each_other_leave_one(guarded: Any, alice: Browser) -> None:
    make_user(guarded, "bob")
    bob = Browser.signed_in(guarded, "bob")
    answers: list[int] = []
    ready = threading.Barrier(2)

    def demote(who: Browser, whom: str) -> None:
        ready.wait(30)
        answers.append(who.call("PUT", f"/users/{whom}", {"role": "viewer"}).status_code)

    threads = [threading.Thread(target=demote, args=one) for one in ((alice, "bob"), (bob, "alice"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answers) in ([200, 403], [200, 409])
    listed = data_of(guarded.get(USERS, headers=bearer(TOKEN)))["users"]
    assert sorted(one["role"] for one in listed) == ["admin", "viewer"]


@pytest.mark.parametrize("password", ["short", "password1234", "aaaaaaaaaaaaaaaa", "alicealice1", "qwertyuiop"])
def test_a_password_that_is_short_or_quickly_guessed_is_refused(guarded: Any, alice: Browser, password: str) -> None:
    new = {"name": "alice2", "role": "viewer", "password": password}
    for refused in (
        alice.call("POST", "/users", new),
        alice.call("POST", "/users/alice/password", {"password": password}),
        alice.call("POST", "/account/password", {"current_password": PASSWORD, "password": password}),
    ):
        assert failure(refused) == (400, "INVALID_PARAMS")
        assert refused.get_json()["data"]["details"] == {"field": "password"}
    assert sign_in(guarded, "alice", PASSWORD).status_code == 200


@pytest.mark.parametrize("name", ["Alice", "", "a b", "-a", "a" * 65, "é", "a/b", "user:a"])
def test_a_name_that_is_none_is_refused(alice: Browser, name: str) -> None:
    refused = alice.call("POST", "/users", {"name": name, "role": "viewer", "password": PASSWORD})
    assert failure(refused) == (400, "INVALID_PARAMS")


def test_a_reset_password_ends_sessions_tokens_and_the_lock(guarded: Any, alice: Browser) -> None:
    make_user(guarded, "bob", "operator")
    bob = Browser.signed_in(guarded, "bob")
    token = data_of(bob.call("POST", "/account/tokens", {"name": "ci"}), 201)["secret"]
    for _ in range(rules.MOST_OF_AN_ACCOUNT + 1):
        sign_in(guarded, "bob", "wrong")
    assert alice.call("POST", "/users/bob/password", {"password": OTHER_PASSWORD}).status_code == 200
    assert failure(bob.call("GET", "/account")) == (401, "UNAUTHORIZED")
    assert failure(guarded.get(LIST, headers=bearer(token))) == (401, "UNAUTHORIZED")
    assert sign_in(guarded, "bob", OTHER_PASSWORD).status_code == 200
    assert failure(alice.call("POST", "/users/nobody/password", {"password": OTHER_PASSWORD}))[0] == 404


def test_where_there_is_nothing_to_sign_in_to_there_are_no_users(client: Client) -> None:
    body = {"name": "alice", "role": "admin", "password": PASSWORD}
    assert failure(client.post(USERS, json=body)) == (403, "FORBIDDEN")
    assert failure(client.post(SESSION, json={"name": "alice", "password": PASSWORD})) == (401, "UNAUTHORIZED")
    assert failure(client.get(f"{BASE}/account")) == (403, "FORBIDDEN")


# Tokens


def test_a_token_has_its_users_role_is_told_once_and_kept_as_a_hash(
    guarded: Any, alice: Browser, jobs_database: TestDatabase
) -> None:
    with capture_logs() as captured:
        made = data_of(alice.call("POST", "/account/tokens", {"name": "ci", "days": 30}), 201)
    secret = made["secret"]
    assert guarded.post(f"{PREFIX}/backup", headers=bearer(secret)).status_code == 200
    (listed,) = data_of(alice.call("GET", "/account/tokens"))["tokens"]
    assert listed.keys() == {"name", "created_at", "used_at", "expires_at"}
    assert listed["used_at"] is not None
    tables = ("users", "user_sessions", "user_tokens", "audit_log", "jobs")
    kept = [jobs_database.fetch(f"SELECT t::text FROM vector_jobs.{name} t") for name in tables]
    for hidden in (secret, PASSWORD, alice.cookie):
        assert hidden not in f"{kept}{captured}"
    assert failure(alice.call("POST", "/account/tokens", {"name": "ci"})) == (409, "RESOURCE_EXISTS")


def test_a_token_makes_neither_tokens_nor_sessions(guarded: Any, alice: Browser) -> None:
    """Or else a thief would make lasting what it has."""
    headers = bearer(data_of(alice.call("POST", "/account/tokens", {"name": "ci"}), 201)["secret"])
    assert failure(guarded.post(f"{BASE}/account/tokens", json={"name": "x"}, headers=headers)) == (403, "FORBIDDEN")
    change = {"current_password": PASSWORD, "password": OTHER_PASSWORD}
    assert failure(guarded.post(f"{BASE}/account/password", json=change, headers=headers)) == (403, "FORBIDDEN")
    token = headers["Authorization"].removeprefix("Bearer ")
    assert failure(guarded.post(SESSION, json={"token": token})) == (401, "UNAUTHORIZED")


def test_a_token_ends_with_its_time_or_when_it_is_deleted(
    guarded: Any, alice: Browser, jobs_database: TestDatabase
) -> None:
    make_user(guarded, "bob", "viewer")
    bob = Browser.signed_in(guarded, "bob")
    made = [data_of(bob.call("POST", "/account/tokens", {"name": name, "days": 1}), 201) for name in ("a", "b", "c")]
    headers = [bearer(one["secret"]) for one in made]
    assert [guarded.get(LIST, headers=one).status_code for one in headers] == [200] * 3
    assert bob.call("DELETE", "/account/tokens/a").status_code == 200
    assert failure(bob.call("DELETE", "/account/tokens/a"))[0] == 404
    assert failure(bob.call("DELETE", "/users/bob/tokens/b")) == (403, "FORBIDDEN")
    assert alice.call("DELETE", "/users/bob/tokens/b").status_code == 200
    jobs_database.execute("UPDATE vector_jobs.user_tokens SET expires_at = now()")
    assert [guarded.get(LIST, headers=one).status_code for one in headers] == [401] * 3


# The jobs database is away


def test_the_tokens_of_the_environment_go_on_while_the_jobs_database_is_away(
    make_client: Callable[..., Client], database: TestDatabase
) -> None:
    client: Any = make_client(DATABASE_URL=database.url, JOBS_DATABASE_URL=NOWHERE, **GUARDED)
    assert client.get(LIST, headers=bearer(TOKEN)).status_code == 200
    assert client.post(f"{PREFIX}/backup", headers=bearer(TOKEN)).status_code == 200
    data_of(client.post(SESSION, json={"token": TOKEN}))
    csrf = data_of(client.get(SESSION))["csrf_token"]
    assert client.post(f"{PREFIX}/backup", headers={"X-CSRF-Token": csrf}).status_code == 200
    away = (503, "SERVICE_UNAVAILABLE")
    assert failure(client.post(SESSION, json={"name": "alice", "password": PASSWORD})) == away
    assert failure(client.get(LIST, headers=bearer(secrets.new(secrets.TOKEN)))) == away
    assert failure(client.get(LIST, headers=bearer("a-wrong-token-of-no-user"))) == (401, "UNAUTHORIZED")
    client.set_cookie(COOKIE, secrets.new(secrets.SESSION))
    assert failure(client.get(LIST)) == away
    assert data_of(client.get(SESSION))["access"] is None
    assert failure(client.get("/readyz")) == away
