"""The commands about users, on the jobs database of a service."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data_pipeline.api import BASE, PREFIX
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.test_command_line import CommandLine
from tests.support.answers import data_of, failure
from tests.support.users import GUARDED, OTHER_PASSWORD, PASSWORD, TOKEN, Browser, bearer


@pytest.fixture
def env(database: TestDatabase, jobs_database: TestDatabase) -> dict[str, str]:
    return {"DATABASE_URL": database.url, "JOBS_DATABASE_URL": jobs_database.url, **GUARDED}


@pytest.fixture
def service(make_client: Callable[..., Client], env: dict[str, str]) -> Any:
    return make_client(**env)


@pytest.fixture
def users(env: dict[str, str], output_dir: Path, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Runs `users …`; `given` is what standard input has."""
    commands = CommandLine({**env, "OUTPUT_DIRECTORY": str(output_dir)}, PASSWORD, tmp_path)
    typed = tmp_path / "typed"

    def run(*arguments: str, given: str = "") -> Any:
        typed.write_text(given, encoding="utf-8")
        return commands("--lang", "en", "users", *arguments, given=typed)

    yield run
    commands.close()


def test_a_user_made_at_the_command_line_signs_in_and_is_changed_while_the_service_runs(
    users: Callable[..., Any], service: Any
) -> None:
    made = users("create", "alice", "--role", "admin", "--password-stdin", given=f"{PASSWORD}\n")
    assert (made.status, made.out) == (0, "the user was created: alice (admin)\n"), made.err
    alice = Browser.signed_in(service, "alice")
    assert users("create", "bob", "--role", "operator", "--password-stdin", given=PASSWORD).status == 0
    listed = users("list", "--json").data["users"]
    assert [(one["name"], one["role"], one["sessions"]) for one in listed] == [
        ("alice", "admin", 1),
        ("bob", "operator", 0),
    ]
    token = users("create-token", "bob", "nightly", "--days", "90")
    assert service.get(f"{PREFIX}/restore/list", headers=bearer(token.out.strip())).status_code == 200
    assert "nightly" in users("tokens", "bob").out
    assert users("change", "bob", "--role", "viewer", "--disabled").status == 0
    assert failure(service.get(f"{PREFIX}/restore/list", headers=bearer(token.out.strip()))) == (401, "UNAUTHORIZED")
    assert users("delete-token", "bob", "nightly").status == 0
    assert users("reset-password", "alice", "--password-stdin", given=OTHER_PASSWORD).status == 0
    assert failure(alice.call("GET", "/account")) == (401, "UNAUTHORIZED")
    alice = Browser.signed_in(service, "alice", OTHER_PASSWORD)
    assert users("sign-out", "alice").out == "every session has ended: 1\n"
    assert users("delete", "bob").status == 0
    noted = data_of(service.get(f"{BASE}/audit?who=command line", headers=bearer(TOKEN)))["entries"]
    assert [one["what"] for one in noted] == [
        *("delete_user", "sign_user_out", "reset_password", "delete_user_token", "change_user"),
        *("create_token", "create_user", "create_user"),
    ]
    assert noted[0]["details"] == {"name": "bob"}


def test_what_is_refused_there_too(users: Callable[..., Any], service: Any) -> None:
    assert users("create", "alice", "--role", "admin", "--password-stdin", given=PASSWORD).status == 0
    weak = users("create", "bob", "--role", "viewer", "--password-stdin", given="password1234")
    assert (weak.status, weak.err) == (2, "error: this password is easily guessed (INVALID_PARAMS)\n")
    last = users("delete", "alice")
    assert (last.status, last.err) == (1, "error: alice is the last admin who can sign in (LAST_ADMIN)\n")
    assert users("change", "alice", "--role", "operator").status == 1
    assert users("create", "alice", "--role", "viewer", "--password-stdin", given=PASSWORD).status == 1
    assert users("tokens", "nobody").status == 1
    nobody_to_ask = users("create", "carol", "--role", "viewer")
    assert nobody_to_ask.status == 2
    assert "--password-stdin" in nobody_to_ask.err


def test_without_a_token_it_says_that_nobody_has_to_sign_in(
    env: dict[str, str], output_dir: Path, tmp_path: Path
) -> None:
    without = {name: value for name, value in env.items() if name not in GUARDED}
    commands = CommandLine({**without, "OUTPUT_DIRECTORY": str(output_dir)}, None, tmp_path)
    typed = tmp_path / "typed"
    typed.write_text(PASSWORD)
    made = commands("--lang", "en", "users", "create", "alice", "--role", "admin", "--password-stdin", given=typed)
    commands.close()
    assert made.status == 0
    assert "asks for no sign-in" in made.err
