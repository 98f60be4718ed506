"""The table of roles: what stands in the documentation is what the routes declare, and what each caller meets."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Response, jsonify

from common.result import success_response
from data_pipeline.accounts.accounts import Accounts
from data_pipeline.api import BASE, PREFIX
from data_pipeline.engine import Engine
from data_pipeline.settings import Settings, SettingsError
from tests.conftest import JOBS, Databases, TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import data_of, failure
from tests.support.users import GUARDED, PASSWORD, READ_TOKEN, TOKEN, Browser, bearer, make_user
from tools import draw_roles
from unified_api import create_app

ROWS = draw_roles.rows()
CELLS = [(route, caller) for route in ROWS for caller in draw_roles.CALLERS]
TARGETS = '{"staging": "%s", "production": "%s"}'


@pytest.mark.parametrize("page", draw_roles.PAGES)
def test_the_table_of_roles_is_what_the_routes_declare(page: str) -> None:
    assert draw_roles.written(page) == draw_roles.table(draw_roles.PAGES[page]), "python -m tools.draw_roles writes it"


def test_what_each_role_may_grows() -> None:
    """And the most harmless can do no harm."""
    viewer, operator, admin = ({route for route, each in ROWS.items() if each[column]} for column in range(1, 4))
    assert viewer < operator < admin == set(ROWS)
    assert "POST /vector/restore" in operator - viewer
    assert "GET /vector/backups/<location>/<timestamp>/download" in operator - viewer
    assert {"GET /api/admin/database/export", "POST /api/admin/database/import"} <= admin - operator
    assert {"DELETE /vector/backups/<location>/<timestamp>", "POST /users", "GET /audit"} <= admin - operator
    own = ("POST /account", "DELETE /account", "POST /vector/session", "DELETE /vector/session", "POST /users/first")
    assert [route for route in viewer if not route.startswith(("GET", *own))] == []


@pytest.fixture(scope="module")
def asked(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], Any]]:
    """A service whose views are not asked: what comes past the door is answered in their place."""
    history = databases.like(JOBS, "roles")
    env = {"DATABASE_URL": history.url, "JOBS_DATABASE_URL": history.url, **GUARDED}
    engine = Engine.build(Settings.load({**env, "OUTPUT_DIRECTORY": str(tmp_path_factory.mktemp("roles"))}))
    app = create_app(engine=engine)
    app.before_request(reached)
    tokens = credentials(app.extensions["jobs"].accounts)
    client = app.test_client()

    def ask(route: str, caller: str) -> Any:
        method, _, path = route.partition(" ")
        known = path.replace("<location>", "global").replace("<timestamp>", "20250722_010318")
        known = known.replace("<job_id>", "0" * 32).replace("<name>", "x").replace("<token>", "x")
        below = known.startswith(("/healthz", "/readyz", "/metrics", "/api/"))
        url = known if below else f"{BASE}{known}"
        return client.open(url, method=method, headers=bearer(tokens[caller]) if caller in tokens else {})

    yield ask
    app.extensions["jobs"].close()
    engine.pool.close()
    databases.remove(history)


def reached() -> Response:
    return jsonify(success_response("reached", {}))


def credentials(accounts: Accounts) -> dict[str, str]:
    tokens = {"`API_TOKEN`": TOKEN, "`API_READ_TOKEN`": READ_TOKEN}
    for role in ("viewer", "operator", "admin"):
        accounts.create(f"a-{role}", role, PASSWORD)
        tokens[role] = accounts.new_token(f"a-{role}", "ci", None)[1]
    return tokens


@pytest.mark.parametrize(("route", "caller"), CELLS)
def test_each_cell_of_the_table_is_what_the_caller_meets(
    asked: Callable[[str, str], Any], route: str, caller: str
) -> None:
    answer = asked(route, caller)
    if ROWS[route][list(draw_roles.CALLERS).index(caller)]:
        assert (answer.status_code, answer.get_json()["message"]) == (200, "操作成功")
    else:
        assert failure(answer) == ((403, "FORBIDDEN") if caller != "without" else (401, "UNAUTHORIZED"))


# Operators and targets


@pytest.fixture
def service(
    make_client: Callable[..., Client],
    database: TestDatabase,
    second_database: TestDatabase,
    jobs_database: TestDatabase,
) -> Callable[..., Any]:
    def make(**env: str) -> Any:
        targets = TARGETS % (second_database.url, database.url)
        return make_client(
            DATABASE_URL=database.url, JOBS_DATABASE_URL=jobs_database.url, TARGETS=targets, **GUARDED, **env
        )

    return make


def operator(client: Any) -> Browser:
    make_user(client, "olga", "operator")
    return Browser.signed_in(client, "olga")


def test_an_operator_restores_only_where_a_target_allows_it(
    service: Callable[..., Any], small_set: dict[str, str], second_database: TestDatabase, database: TestDatabase
) -> None:
    olga = operator(service(OPERATOR_TARGETS="staging"))
    into = {"truncate_before_restore": True}
    for body in ({}, {"pg_conn": "production"}, {"pg_conn": second_database.url}):
        refused = olga.call("POST", "/vector/restore", {**small_set, **into, **body})
        assert failure(refused) == (403, "FORBIDDEN")
        assert failure(olga.call("POST", "/vector/restore", {**small_set, **body, "async": True})) == (403, "FORBIDDEN")
        assert olga.call("POST", "/vector/restore", {**small_set, **into, **body, "dry_run": True}).status_code == 200
        emptied = {"truncate_vector_tables": True, **body}
        assert failure(olga.call("POST", "/vector/backup", emptied)) == (403, "FORBIDDEN")
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(0,)]
    assert olga.call("POST", "/vector/restore", {**small_set, **into, "pg_conn": "staging"}).status_code == 200
    assert second_database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(2,)]


def test_the_configured_database_is_opened_to_operators_by_a_name_of_its_own(
    service: Callable[..., Any], small_set: dict[str, str]
) -> None:
    olga = operator(service(OPERATOR_TARGETS="default"))
    assert olga.call("POST", "/vector/restore", small_set).status_code == 200
    assert failure(olga.call("POST", "/vector/restore", {**small_set, "pg_conn": "staging"})) == (403, "FORBIDDEN")


def test_a_restore_into_another_store_is_a_restore_into_its_target(
    make_client: Callable[..., Client], jobs_database: TestDatabase, database: TestDatabase, small_set: dict[str, str]
) -> None:
    """Not into the configured database, which operators may restore into here."""
    targets = '{"vectors": "milvus+http://127.0.0.1:1"}'
    env = {"DATABASE_URL": database.url, "JOBS_DATABASE_URL": jobs_database.url, "TARGETS": targets, **GUARDED}
    olga = operator(make_client(OPERATOR_TARGETS="default", **env))
    into = {"into": {"layout": "milvus", "target": "vectors"}}
    assert failure(olga.call("POST", "/vector/restore", {**small_set, **into})) == (403, "FORBIDDEN")
    named = {"set": small_set, "target": "vectors"}
    assert failure(olga.call("POST", "/milvus/restore", named)) == (403, "FORBIDDEN")


def test_a_target_of_the_jobs_database_says_itself_whether_operators_may(
    service: Callable[..., Any], small_set: dict[str, str], second_database: TestDatabase
) -> None:
    client = service(SECRET_KEY="k" * 32)
    olga = operator(client)
    target = {"name": "reports", "url": second_database.url}
    assert failure(olga.call("POST", "/targets", target)) == (403, "FORBIDDEN")
    data_of(client.post(f"{BASE}/targets", json=target, headers=bearer(TOKEN)), 201)
    body = {**small_set, "pg_conn": "reports"}
    schedule = {"name": "nightly", "kind": "restore", "request": {"pg_conn": "reports"}, "when": "daily"}
    data_of(client.post(f"{BASE}/schedules", json=schedule, headers=bearer(TOKEN)), 201)
    assert failure(olga.call("POST", "/vector/restore", body)) == (403, "FORBIDDEN")
    assert failure(olga.call("POST", "/schedules/nightly/run")) == (403, "FORBIDDEN")
    allowed = {"operators_may_restore": True}
    data_of(client.put(f"{BASE}/targets/reports", json=allowed, headers=bearer(TOKEN)))
    assert olga.call("POST", "/vector/restore", body).status_code == 200
    assert olga.call("POST", "/schedules/nightly/run").status_code == 202


def test_an_operator_runs_a_schedule_of_backups_and_its_name_stands_in_the_job(service: Callable[..., Any]) -> None:
    client = service()
    olga = operator(client)
    schedule = {"name": "nightly", "when": "daily"}
    data_of(client.post(f"{BASE}/schedules", json=schedule, headers=bearer(TOKEN)), 201)
    job = data_of(olga.call("POST", "/schedules/nightly/run"), 202)["job_id"]
    shown = data_of(client.get(f"{PREFIX}/jobs/{job}", headers=bearer(READ_TOKEN)))
    assert shown["who"] == "user:olga"
    assert [one for one in client.application.extensions["jobs"].follow(job) if one][-1].state == "SUCCEEDED"


def test_a_set_of_a_whole_database_is_for_admins_to_download(service: Callable[..., Any]) -> None:
    client = service()
    olga = operator(client)
    body = {"target": "staging"}
    made = data_of(client.post(f"{BASE}/databases/backup", json=body, headers=bearer(TOKEN)))
    place = f"global/{made['backup_timestamp']}"
    for path in (f"/vector/backups/{place}/download", f"/databases/{place}/download"):
        assert failure(olga.call("GET", path)) == (403, "FORBIDDEN")
    assert olga.call("GET", f"/vector/backups/{place}").status_code == 200


def test_a_viewer_sees_and_takes_nothing_away(service: Callable[..., Any], small_set: dict[str, str]) -> None:
    client = service()
    make_user(client, "vera", "viewer")
    vera = Browser.signed_in(client, "vera")
    place = f"/vector/backups/global/{small_set['timestamp']}"
    for path in ("/vector/restore/list", place, "/vector/jobs", "/vector/settings", "/targets"):
        assert vera.call("GET", path).status_code == 200
    assert failure(vera.call("GET", f"{place}/download")) == (403, "FORBIDDEN")
    for path in (f"{place}/verify", "/vector/compare", "/vector/backup", "/vector/restore"):
        assert failure(vera.call("POST", path)) == (403, "FORBIDDEN")
    assert failure(vera.call("DELETE", place)) == (403, "FORBIDDEN")


def test_a_name_that_is_no_target_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="OPERATOR_TARGETS"):
        Settings.load({"OPERATOR_TARGETS": "nowhere"})
