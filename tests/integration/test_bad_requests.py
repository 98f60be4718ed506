"""Requests that are refused: each with a clear answer in the envelope, before any database is asked."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import failure
from tests.support.names import COLLECTION, EMBEDDING

PREFIX = "/api/v0/data_pipeline/vector"
GOOD = {"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": "20250722_010318"}


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Any:
    """A service whose database isn't there: whatever is not refused in time is 500."""
    return make_client(DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing", MAX_BODY_BYTES="8192")


def expect_field(response: Any, field: str) -> None:
    """400, and the answer names the field."""
    assert failure(response) == (400, "INVALID_PARAMS"), response.text
    data = response.get_json()["data"]
    assert response.get_json()["message"] == "请求参数错误"
    assert data["details"]["field"] == field
    assert field in data["response"]


NO_OBJECT = {
    "text": b"hello",
    "half an object": b'{"timestamp": ',
    "two objects": b"{}{}",
    "a trailing comma": b'{"timestamp": "20250722_010318",}',
    "single quotes": b"{'timestamp': '20250722_010318'}",
    "a form": b"backup_path=x&timestamp=y",
    "NaN": b'{"timestamp": NaN}',
    "infinity": b'{"timestamp": -Infinity}',
    "a key twice": b'{"timestamp": "20250722_010318", "timestamp": "20250722_010319"}',
    "a key twice further in": b'{"tables": {"a": 1, "a": 2}}',
    "no UTF-8": b'{"timestamp": "\xff"}',
    "UTF-16": '{"timestamp": "20250722_010318"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a raw control character": b'{"timestamp": "\n"}',
    "an array": b"[]",
    "an array of objects": b"[{}]",
    "a string": b'"x"',
    "a number": b"1",
    "a long number": b'{"timestamp": ' + b"1" * 6000 + b"}",
    "null": b"null",
    "a truth": b"true",
    "spaces": b"  ",
    "deep arrays": b"[" * 4000,
    "deep objects": b'{"a":' * 800,
    "whole deep arrays": b'{"tables": ' + b"[" * 2000 + b"]" * 2000 + b"}",
}


@pytest.mark.parametrize("body", NO_OBJECT.values(), ids=NO_OBJECT)
@pytest.mark.parametrize("route", ["restore", "backup"])
def test_a_body_that_is_no_json_object_is_refused(client: Client, route: str, body: bytes) -> None:
    assert failure(client.post(f"{PREFIX}/{route}", data=body)) == (400, "INVALID_PARAMS")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"truncate_before_restore": true, "truncate_before_restore": false}', "truncate_before_restore"),
        (b'{"tables": {"a": 1, "b": 1, "a": 2}}', "a"),
        (b'{"\\ud800": 1, "\\ud800": 2}', "?"),
        (b'{"%s": 1, "%s": 2}' % (b"x" * 900, b"x" * 900), "x" * 64),
    ],
)
@pytest.mark.parametrize("route", ["restore", "backup"])
def test_a_key_that_comes_twice_is_named(client: Client, route: str, body: bytes, field: str) -> None:
    response = client.post(f"{PREFIX}/{route}", data=body)
    assert failure(response) == (400, "INVALID_PARAMS")
    data = response.get_json()["data"]
    assert (data["response"], data["details"]) == (f"请求体字段重复: {field}", {"field": field})


@pytest.mark.parametrize("body", [b"", b"{}", b'{"backup_path": null, "timestamp": null}'])
def test_what_is_missing_is_named(client: Client, body: bytes) -> None:
    response = client.post(f"{PREFIX}/restore", data=body)
    assert failure(response) == (400, "MISSING_REQUIRED_PARAMS")
    assert response.get_json()["message"] == "请求参数错误"
    assert response.get_json()["data"]["response"] == "缺少必需参数: backup_path, timestamp"
    assert response.get_json()["data"]["missing_params"] == ["backup_path", "timestamp"]


@pytest.mark.parametrize("name", ["backup_path", "timestamp"])
def test_only_what_is_missing_is_named(client: Client, name: str) -> None:
    response = client.restore(**{key: value for key, value in GOOD.items() if key != name})
    assert response.get_json()["data"]["response"] == f"缺少必需参数: {name}"
    assert response.get_json()["data"]["missing_params"] == [name]


WRONG_TYPES: dict[str, list[Any]] = {
    "backup_path": [1, True, ["x"], {}],
    "timestamp": [20250722, 1.5, False, []],
    "tables": ["langchain_pg_embedding", {}, 1, True, [1], [None], [["langchain_pg_embedding"]]],
    "pg_conn": [1, {}, ["postgresql://localhost/x"], False],
    "truncate_before_restore": ["false", "true", 0, 1, "", [], {}],
    "atomic": ["true", 1, 0, "", []],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in WRONG_TYPES.items() for value in values]
)
def test_a_wrong_type_is_never_guessed_at(client: Client, field: str, value: Any) -> None:
    expect_field(client.restore(**{**GOOD, field: value}), field)


WRONG_VALUES: dict[str, list[Any]] = {
    "backup_path": ["", "x" * 3000],
    "timestamp": [
        *("", " ", "20250722", "20250722010318", "2025-07-22 01:03:18", "20250722_01031", "20250722_0103180"),
        *("20250722_010318\n", " 20250722_010318", "20250722-010318", "２０２５０７２２_010318", "20250722_٠١٠٣١٨"),
        *("../../etc/passwd", "20250722_010318.csv", "20250722_010318\0", "*", "\ud800"),
    ],
    "tables": [
        *([], [""], ["pg_authid"], [COLLECTION.upper()], [f"{EMBEDDING} "], [f"public.{EMBEDDING}"]),
        *([EMBEDDING, EMBEDDING], [COLLECTION, EMBEDDING, "x"], [f"{EMBEDDING}; DROP TABLE {EMBEDDING}"], ["\ud800"]),
    ],
    "pg_conn": ["", "localhost", "postgresql://\ud800@localhost/x"],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in WRONG_VALUES.items() for value in values]
)
def test_a_wrong_value_is_refused(client: Client, field: str, value: Any) -> None:
    expect_field(client.restore(**{**GOOD, field: value}), field)


@pytest.mark.parametrize("field", ["nonsense", "Timestamp", "timestamp ", "table", "表", "task_id", "__class__", ""])
def test_an_unknown_field_is_refused_and_named(client: Client, field: str) -> None:
    expect_field(client.restore(**GOOD, **{field: "x"}), field)
    expect_field(client.restore(**GOOD, **{field: None}), field)


def test_an_unknown_field_that_cannot_be_written_is_refused_all_the_same(client: Client) -> None:
    response = client.post(f"{PREFIX}/restore", data=json.dumps({**GOOD, "\ud800": 1}).encode())
    assert failure(response) == (400, "INVALID_PARAMS")


def test_a_long_name_is_not_repeated_whole(client: Client) -> None:
    response = client.restore(**GOOD, **{"x" * 2000: 1})
    assert failure(response) == (400, "INVALID_PARAMS")
    assert "x" * 200 not in response.text


def test_options_that_clash_are_refused(client: Client) -> None:
    response = client.restore(**GOOD, truncate_before_restore=True, atomic=False)
    assert failure(response) == (400, "INVALID_PARAMS")
    assert "atomic" in response.get_json()["data"]["response"]


def test_null_is_the_same_as_absent(
    make_client: Callable[..., Client], database: TestDatabase, small_set: dict[str, str]
) -> None:
    client = make_client(DATABASE_URL=database.url)
    nothing = dict.fromkeys(["tables", "pg_conn", "truncate_before_restore", "atomic"])
    assert client.restore(**small_set, **nothing).status_code == 200
    nothing = dict.fromkeys(["task_id", "pg_conn", "db_connection", "truncate_vector_tables", "backup_vector_tables"])
    assert client.backup(**nothing).status_code == 200


WRONG_BACKUPS: dict[str, list[Any]] = {
    "task_id": ["", 1, [], True, "../x", "a b", "task_1\n", "task_１", "x" * 300],
    "pg_conn": ["", 1, "localhost", "mysql://localhost/x"],
    "db_connection": ["", 1, {}],
    "truncate_vector_tables": ["true", 1, "", []],
    "backup_vector_tables": ["false", 0],
    "nonsense": [1, None],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in WRONG_BACKUPS.items() for value in values]
)
def test_a_backup_is_as_strict(client: Client, field: str, value: Any) -> None:
    response = client.backup(**{field: value})
    assert failure(response) == (400, "INVALID_PARAMS")
    assert client.list().get_json()["data"]["backup_locations"] == []


@pytest.mark.parametrize("route", ["restore", "backup"])
def test_a_query_on_a_post_is_refused(client: Client, route: str) -> None:
    expect_field(client.post(f"{PREFIX}/{route}?timestamp=20250722_010318", json=GOOD), "timestamp")


CONTENT_TYPES = [
    None,
    "",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "text/plain; charset=utf-16",
    "application/xml",
    "application/json; charset=latin-1",
    "nonsense",
]


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_a_body_is_json_whatever_its_content_type_says(client: Client, content_type: str | None) -> None:
    body = json.dumps({**GOOD, "timestamp": "20250722_999999"})
    response = client.post(f"{PREFIX}/restore", data=body, content_type=content_type)
    assert failure(response) == (404, "RESOURCE_NOT_FOUND")


@pytest.mark.parametrize("route", ["restore", "backup"])
def test_a_body_over_the_limit_is_too_large(client: Client, route: str) -> None:
    body = json.dumps({"task_id": "x" * 9000})
    response = client.post(f"{PREFIX}/{route}", data=body)
    assert failure(response) == (413, "PAYLOAD_TOO_LARGE")
    assert response.get_json()["message"] == "请求体过大"


@pytest.mark.parametrize(
    "path", ["", "/", "/restore/", "/restor", "/restore/list/", "/restore/list/x", "/Restore", "/%00"]
)
def test_an_unknown_route_is_not_found(client: Client, path: str) -> None:
    for response in (client.get(PREFIX + path), client.post(PREFIX + path, json={})):
        assert failure(response) == (404, "RESOURCE_NOT_FOUND")
        assert response.get_json()["message"] == "资源未找到"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/restore"), ("GET", "/backup"), ("POST", "/restore/list"), ("PUT", "/restore"), ("DELETE", "/backup")],
)
def test_a_method_that_a_route_does_not_have_is_refused(client: Client, method: str, path: str) -> None:
    response = client.open(PREFIX + path, method=method)
    assert failure(response) == (405, "METHOD_NOT_ALLOWED")
    assert response.get_json()["message"] == "请求方法不允许"
    assert method not in response.headers["Allow"]
    assert response.headers.getlist("Content-Type") == ["application/json"]


def test_a_bug_says_only_what_failed(
    make_client: Callable[..., Client],
    database: TestDatabase,
    small_set: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = make_client(DATABASE_URL=database.url)

    def break_down(*_args: Any, **_more: Any) -> Any:
        raise RuntimeError("the text of a bug")

    monkeypatch.setattr("data_pipeline.sets.catalog.Catalog.scan", break_down)
    monkeypatch.setattr("data_pipeline.postgres.schema.tables.inspect", break_down)
    for response, text in (
        (client.list(), "扫描备份文件失败"),
        (client.restore(**small_set, truncate_before_restore=True), "Vector表恢复失败"),
        (client.backup(), "Vector表备份失败"),
    ):
        assert failure(response) == (500, "INTERNAL_ERROR")
        assert response.get_json()["message"] == "系统内部错误"
        assert response.get_json()["data"]["response"] == text
        assert "the text of a bug" not in response.text


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_a_text_that_no_database_holds_is_refused_and_the_refusal_written_down(client: Client, text: str) -> None:
    body = {"backup_path": text, "timestamp": "20240101_000000"}
    assert failure(client.post(f"{PREFIX}/restore", data=json.dumps(body))) == (400, "INVALID_PARAMS")
    body = {"backup_path": f"./data_pipeline/training_data/{text}", "timestamp": "20240101_000000"}
    assert failure(client.post(f"{PREFIX}/restore", data=json.dumps(body))) == (400, "INVALID_PARAMS")
    assert failure(client.delete(f"{PREFIX}/backups/a%00/20240101_000000"))[0] in (400, 404)


def test_an_export_of_a_target_that_is_not_known_is_refused_and_written_down(client: Client) -> None:
    with capture_logs() as captured:
        response = client.get("/api/admin/database/export?target=nothing")
    assert failure(response) == (400, "INVALID_PARAMS")
    (line,) = [one for one in captured if one.get("what") == "export_database"]
    assert (line["target"], line["status"]) == ("nothing", 400)
