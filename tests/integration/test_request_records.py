"""What is left of a request: its id, an audit line for a write, the metrics, and whether the service can work."""

import http.client
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from data_pipeline.api import PREFIX
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.names import EMBEDDING

TOKEN = "the-token-that-opens-everything"
READ_TOKEN = "the-token-that-only-reads"
STAMP = "20250722_010318"
SET = f"{PREFIX}/backups/global/{STAMP}"
REPLACE = {"truncate_before_restore": True}
CANARY = "canary-pa55word"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


# The id

GIVEN = ["a", "7f3c-11.x_Y", "0" * 128]
NOT_TAKEN = ["", "0" * 129, "a b", "a,b", "<script>", "é", "ａ", "a/b", "a;b", '"a"', "${jndi}"]


@pytest.mark.parametrize("request_id", GIVEN, ids=["one letter", "all kinds of letters", "128 letters"])
def test_the_id_a_request_brings_comes_back(client: Client, request_id: str) -> None:
    headers = {"X-Request-ID": request_id}
    for response in (
        client.get("/healthz", headers=headers),
        client.get("/nowhere", headers=headers),
        client.post(f"{PREFIX}/backup", data=b"{", headers=headers),
        client.post(f"{PREFIX}/backup?x=1", headers=headers),
        client.get("/healthz", headers={**headers, "Host": "evil.example.com"}),
    ):
        assert response.headers.getlist("X-Request-ID") == [request_id]


@pytest.mark.parametrize("request_id", NOT_TAKEN)
def test_any_other_id_is_replaced(client: Client, request_id: str) -> None:
    response = client.get("/healthz", headers={"X-Request-ID": request_id.encode().decode("latin-1")})
    assert re.fullmatch("[0-9a-f]{32}", response.headers["X-Request-ID"])


def test_every_request_without_an_id_gets_one_of_its_own(client: Client) -> None:
    requests = [("GET", "/healthz"), ("GET", "/nowhere"), ("PUT", SET), ("POST", f"{PREFIX}/backup?x=1"), ("FOO", "/")]
    found = {client.open(path, method=method).headers["X-Request-ID"] for method, path in requests}
    assert len(found) == len(requests)


# The audit line


@pytest.fixture
def audited() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The audit lines so far."""
    with capture_logs() as captured:
        yield lambda: [dict(line) for line in captured if line["event"] == "write"]


def test_a_write_says_who_from_where_what_and_how_it_ended(
    client: Client, database: TestDatabase, small_set: dict[str, str], audited: Any
) -> None:
    response = client.restore(**small_set, **REPLACE, tables=[EMBEDDING, "langchain_pg_collection"])
    assert response.status_code == 200
    (line,) = audited()
    assert line.pop("seconds") >= 0
    assert line == {
        "event": "write",
        "log_level": "info",
        "who": "local",
        "client": "127.0.0.1",
        "what": "restore_vector_tables",
        "path": f"{PREFIX}/restore",
        "body": {
            **small_set,
            "tables": "['langchain_pg_embedding', 'langchain_pg_collection']",
            "truncate_before_restore": "True",
        },
        "target": response.get_json()["data"]["target"],
        "status": 200,
        "outcome": "SUCCESS",
        "request_id": response.headers["X-Request-ID"],
    }
    assert line["target"]["dbname"] == database.dbname


def test_every_write_has_one_line_and_a_read_has_none(
    client: Client, database: TestDatabase, small_set: dict[str, str], audited: Any
) -> None:
    outcomes = {
        "backup_vector_tables SUCCESS": client.backup(),
        "restore_vector_tables RESOURCE_NOT_FOUND": client.restore(**small_set | {"timestamp": "20200101_000000"}),
        "restore_vector_tables INVALID_PARAMS": client.post(f"{PREFIX}/restore", data=b"{"),
        "verify_backup_set SUCCESS": client.post(f"{SET}/verify"),
        "delete_backup_set SUCCESS": client.delete(SET),
        "delete_backup_set FORBIDDEN": client.delete(SET, headers={"Sec-Fetch-Site": "cross-site"}),
        "None METHOD_NOT_ALLOWED": client.put(SET),
        "None RESOURCE_NOT_FOUND": client.post("/nowhere"),
    }
    for response in (client.list(), client.get("/readyz"), client.get(SET), client.get("/nowhere")):
        assert response.status_code in (200, 404)
    assert [f"{line['what']} {line['outcome']}" for line in audited()] == list(outcomes)
    assert [line["request_id"] for line in audited()] == [one.headers["X-Request-ID"] for one in outcomes.values()]
    assert [line["status"] for line in audited()] == [one.status_code for one in outcomes.values()]


def test_a_restore_that_failed_in_part_is_not_written_down_as_a_success(
    client: Client, database: TestDatabase, small_set: dict[str, str], audited: Any
) -> None:
    database.execute(f"ALTER TABLE {EMBEDDING} ADD CHECK (id <> 'b')")
    assert client.restore(**small_set).get_json()["data"]["errors"] == [f"{EMBEDDING}表恢复失败"]
    (line,) = audited()
    assert (line["status"], line["outcome"]) == (200, "PARTIAL")


def test_who_it_was_is_the_tokens_name(
    make_client: Callable[..., Client], database: TestDatabase, audited: Any
) -> None:
    client = make_client(DATABASE_URL=database.url, API_TOKEN=TOKEN, API_READ_TOKEN=READ_TOKEN)
    for token in (TOKEN, READ_TOKEN, "a-token-nobody-has-given"):
        client.post(f"{PREFIX}/backup", headers=bearer(token))
    found = [(line["who"], line["status"], line["outcome"]) for line in audited()]
    assert found == [
        ("API_TOKEN", 200, "SUCCESS"),
        ("API_READ_TOKEN", 403, "FORBIDDEN"),
        ("refused", 401, "UNAUTHORIZED"),
    ]
    assert TOKEN not in str(audited())


def test_no_password_of_a_request_is_written_down(client: Client, small_set: dict[str, str], audited: Any) -> None:
    for url in (
        f"postgresql://ann:{CANARY}@127.0.0.1:1/docs",
        f"postgresql://ann:{CANARY}@169.254.169.254/docs",
        f"host=localhost password={CANARY}",
        f"postgresql://ann:{CANARY}@localhost:port/docs",
    ):
        for response in (
            client.backup(pg_conn=url),
            client.backup(db_connection=url),
            client.restore(**small_set, pg_conn=url),
            client.restore(**small_set, pg_conn=url, nonsense=CANARY),
            client.restore(**small_set, pg_conn=[url]),
            client.post(f"{PREFIX}/backup", data=f'{{"pg_conn": "{url}"'.encode()),
            client.delete(SET, headers={"Authorization": f"Bearer {CANARY}", "Host": CANARY}),
        ):
            assert response.status_code >= 400
            assert CANARY not in response.text
    assert len(audited()) == 28
    assert CANARY not in str(audited())


def test_a_line_stays_short_and_whole_whatever_a_request_holds(client: Client, audited: Any) -> None:
    body = b'{"backup_path": "%b", "timestamp": "\\ud800", "tables": ["%b"]}' % (b"x" * 4000, b"\\r\\n" * 2000)
    assert client.post(f"{PREFIX}/restore", data=body).status_code == 400
    client.post(f"/{'x' * 5000}", json={})
    assert [len(str(line)) < 1500 for line in audited()] == [True, True]
    assert audited()[0]["body"]["timestamp"] == "\ud800"


# Logs


def test_each_line_of_the_log_is_json_and_none_holds_a_password(
    start_server: Any, database: TestDatabase, small_set: dict[str, str]
) -> None:
    server = start_server(DATABASE_URL=database.url, API_TOKEN=TOKEN)
    connection = http.client.HTTPConnection(server.address, timeout=30)
    refused = f"postgresql://ann:{CANARY}@127.0.0.1:1/docs"
    bodies = [{}, {"pg_conn": refused}, {"task_id": "任务"}, {"pg_conn": f"line\nbreak {CANARY}"}]
    for number, body in enumerate(bodies):
        headers = {**bearer(TOKEN), "X-Request-ID": f"request-{number}"}
        connection.request("POST", f"{PREFIX}/backup", json.dumps(body), headers)
        connection.getresponse().read()
    connection.close()
    assert server.stop() == 0
    lines = [json.loads(line) for line in server.log.splitlines()]
    for line in lines:
        assert {"event", "logger", "level", "timestamp"} <= line.keys()
    audit = [line for line in lines if line["logger"] == "audit"]
    assert [(line["request_id"], line["who"], line["client"], line["outcome"]) for line in audit] == [
        (f"request-{number}", "API_TOKEN", "127.0.0.1", outcome)
        for number, outcome in enumerate(["SUCCESS", "DATABASE_ERROR", "INVALID_PARAMS", "INVALID_PARAMS"])
    ]
    for secret in (CANARY, TOKEN, urlsplit(database.url).password):
        assert not secret or secret not in server.log


# Metrics


@pytest.fixture
def measured(client: Client) -> Callable[[], dict[str, float]]:
    """The samples of /metrics, by their name and the values of their labels in the order of the labels' names."""

    def read() -> dict[str, float]:
        response = FlaskClient(client.application, client.application.response_class).get("/metrics")
        assert response.mimetype == "text/plain"
        return {
            " ".join([sample.name, *(sample.labels[label] for label in sorted(sample.labels))]): sample.value
            for family in text_string_to_metric_families(response.text)
            for sample in family.samples
        }

    return read


def test_backups_and_restores_are_counted_by_their_outcome(
    client: Client, database: TestDatabase, small_set: dict[str, str], measured: Callable[[], dict[str, float]]
) -> None:
    assert not [name for name in measured() if name.startswith("vector_operations")]
    first, second = client.restore(**small_set, **REPLACE), client.restore(**small_set, **REPLACE)
    client.restore(**small_set)  # every row is there already
    client.restore(**small_set, pg_conn="x")
    backup = client.backup().get_json()["data"]["tables_backed_up"]
    found = measured()
    assert found["vector_operations_total restore SUCCESS"] == 2
    assert found["vector_operations_total restore DUPLICATE_ROWS"] == 1
    assert found["vector_operations_total restore INVALID_PARAMS"] == 1
    assert found["vector_operations_total backup SUCCESS"] == 1
    assert found["vector_rows_total restore"] == 6
    assert found["vector_rows_total backup"] == 3
    assert found["vector_file_bytes_total backup"] == sum(table["file_bytes"] for table in backup.values())
    assert found["vector_file_bytes_total restore"] == sum(
        table["file_bytes"]
        for response in (first, second)
        for table in response.get_json()["data"]["restore_results"].values()
    )
    assert found["vector_operation_seconds_count restore"] == 4
    assert found["vector_operation_seconds_sum restore"] > 0


def test_the_last_success_is_not_moved_by_a_failure_or_half_a_success(
    client: Client, database: TestDatabase, small_set: dict[str, str], measured: Callable[[], dict[str, float]]
) -> None:
    name = "vector_last_success_timestamp_seconds restore"
    client.restore(**small_set, **REPLACE)
    moment = measured()[name]
    client.restore(**small_set | {"timestamp": "20200101_000000"})
    assert moment > 0
    client.restore(**small_set)
    database.execute(f"TRUNCATE langchain_pg_collection, {EMBEDDING}")
    database.execute(f"ALTER TABLE {EMBEDDING} ADD CHECK (id <> 'b')")
    client.restore(**small_set)
    found = measured()
    assert found["vector_operations_total restore PARTIAL"] == 1
    assert found[name] == moment


def test_requests_are_counted_by_route_and_status(client: Client, measured: Callable[[], dict[str, float]]) -> None:
    client.list()
    client.list(task_id="../x")
    client.get(SET)
    client.get(f"{PREFIX}/backups/task_1/20200101_000000")
    client.get("/nowhere")
    found = measured()
    assert found[f"vector_http_requests_total GET {PREFIX}/restore/list 200"] == 1
    assert found[f"vector_http_requests_total GET {PREFIX}/restore/list 400"] == 1
    assert found[f"vector_http_requests_total GET {PREFIX}/backups/<location>/<timestamp> 404"] == 2
    assert found["vector_http_requests_total GET unknown 404"] == 1


def test_no_request_can_make_the_metrics_grow_without_end(
    client: Client, measured: Callable[[], dict[str, float]]
) -> None:
    for number in range(20):
        client.open(f"/{number}", method=f"METHOD{number}", headers={"X-Request-ID": f"{number}"})
    found = [name for name in measured() if name.startswith("vector_http_requests_total")]
    assert found == ["vector_http_requests_total other unknown 404"]


# Health


def test_it_is_ready_when_database_storage_and_queue_are(client: Client) -> None:
    assert client.get("/readyz").get_json()["data"]["checks"] == {"database": True, "storage": True, "queue": True}


def test_without_its_database_it_is_alive_but_not_ready(make_client: Callable[..., Client]) -> None:
    client = make_client(DATABASE_URL=f"postgresql://ann:{CANARY}@127.0.0.1:1/docs")
    assert client.get("/healthz").status_code == 200
    response = client.get("/readyz")
    data = response.get_json()["data"]
    assert (response.status_code, data["error_type"], data["can_retry"]) == (503, "SERVICE_UNAVAILABLE", True)
    assert data["checks"] == {"database": False, "storage": True, "queue": True}


def test_without_a_place_for_backups_it_is_alive_but_not_ready(client: Client, output_dir: Any) -> None:
    (output_dir / "vector_bak").rmdir()
    output_dir.rmdir()
    output_dir.write_bytes(b"")
    assert client.get("/healthz").status_code == 200
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.get_json()["data"]["checks"] == {"database": True, "storage": False, "queue": True}
