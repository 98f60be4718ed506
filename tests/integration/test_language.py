"""Answers in the language that the client reads: Chinese, or English where its Accept-Language prefers it."""

import json
import re
from typing import Any

import pytest

from data_pipeline.api import PREFIX
from tests.conftest import TestDatabase
from tests.integration.conftest import DOCS, Backups, Client

CHINESE = re.compile(r"[\u3000-\u9fff\uff00-\uffef]")
ENGLISH = {"Accept-Language": "en-GB,en;q=0.9,zh;q=0.8"}


def ask(client: Client, method: str, path: str, body: Any = None, **headers: str) -> Any:
    data = json.dumps(body) if body is not None else None
    return client.open(PREFIX + path, method=method, data=data, headers=headers or ENGLISH)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "zh"),
        ("en", "en"),
        ("en-US,en;q=0.9", "en"),
        ("EN-us", "en"),
        ("de, en;q=0.5", "en"),
        ("en-GB;q=0.8, *;q=0.1", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh;q=0.5, en;q=0.5", "zh"),
        ("*", "zh"),
        ("fr", "zh"),
        ("en;q=0", "zh"),
        (";;,=,q", "zh"),
    ],
)
def test_an_answer_is_in_the_language_that_the_client_prefers(
    client: Client, accepted: str | None, language: str
) -> None:
    headers = {"X-Request-ID": "1"} if accepted is None else {"Accept-Language": accepted}
    answer = ask(client, "GET", "/restore/list", **headers)
    said = {"zh": ("操作成功", "未找到任何可用的备份文件"), "en": ("success", "no backup was found")}[language]
    assert (answer.json["message"], answer.json["data"]["response"]) == said
    assert answer.headers.get("Content-Language") == (language if language == "en" else None)
    assert list(answer.vary) == ["Accept-Language"]


def test_no_answer_in_english_holds_chinese(client: Client, database: TestDatabase, backups: Backups) -> None:
    """Successes, refusals of every kind, warnings, and what lies inside of details."""
    database.execute(f"INSERT INTO langchain_pg_collection (uuid, name) VALUES ('{DOCS}', 'docs')")
    database.execute(f"INSERT INTO langchain_pg_embedding (id, collection_id, embedding) VALUES ('a', '{DOCS}', '[1]')")
    named = ask(client, "POST", "/backup", {"probes": 1}).json["data"]
    taken = {"backup_path": named["backup_directory"], "timestamp": named["backup_timestamp"]}
    path = f"/backups/global/{taken['timestamp']}"
    wild = backups.write(
        b"uuid,name,cmetadata\r\n", b"id,collection_id,embedding,document,cmetadata\r\nb,,[1 2,,{}\r\n"
    )
    missing = {**taken, "timestamp": "20250722_999999"}
    database.execute(
        "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER t BEFORE INSERT ON langchain_pg_embedding FOR EACH ROW EXECUTE FUNCTION nothing()"
    )
    asked = [
        ("GET", "/restore/list", None, 200),
        ("GET", path, None, 200),
        ("POST", f"{path}/verify", {}, 200),
        ("POST", "/compare", taken, 200),
        ("POST", "/restore", {**taken, "truncate_before_restore": True, "dry_run": True}, 200),
        ("POST", "/restore", {**taken, "strategy": "sync", "backup_before_restore": True}, 200),
        ("POST", "/restore", taken, 409),
        ("POST", "/restore", wild, 422),
        ("POST", "/restore", missing, 404),
        ("POST", "/restore", {}, 400),
        ("POST", "/restore", {**taken, "strategy": "sync", "truncate_before_restore": True}, 400),
        ("POST", "/restore", {**taken, "truncate_before_restore": 1}, 400),
        ("POST", "/restore", {**taken, "collections": ["none"]}, 404),
        ("POST", "/restore", {**taken, "pg_conn": "postgresql://u@10.1.2.3/x"}, 403),
        ("POST", "/restore", {**taken, "pg_conn": "mysql://x"}, 400),
        ("GET", "/nothing", None, 404),
        ("PUT", "/restore", None, 405),
        ("GET", "/jobs/nothing", None, 404),
    ]
    for method, route, body, status in asked:
        answer = ask(client, method, route, body)
        assert answer.status_code == status, answer.text
        assert CHINESE.search(answer.text) is None, (route, answer.text)
        assert answer.headers["Content-Language"] == "en"


def test_a_field_that_holds_a_text_of_ours_as_data_is_left_alone(client: Client, output_dir: Any) -> None:
    """What a client sent comes back as it was sent."""
    answer = ask(client, "POST", "/restore", {"操作成功": 1, "backup_path": "./x", "timestamp": "20250722_010318"})
    assert answer.json["data"]["details"] == {"field": "操作成功"}
    assert answer.json["data"]["response"] == "invalid parameter 操作成功: there is no such parameter"


def test_a_job_of_the_history_is_told_in_the_language_of_whoever_asks(client: Client, database: TestDatabase) -> None:
    """Its answer was written down in one language, by another process perhaps."""
    chinese = {"X-Request-ID": "of-both"}
    missing = {"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": "20250722_010318"}
    ask(client, "POST", "/backup", {"probes": 1}, **chinese)
    ask(client, "POST", "/restore", missing, **chinese)
    listed = ask(client, "GET", "/jobs?request_id=of-both").json["data"]["jobs"]
    paths = [f"/jobs/{one['job_id']}" for one in listed]
    refused, done = (ask(client, "GET", path, **chinese).json["data"] for path in paths)
    assert (refused["error"]["message"], done["result"]["response"]) == ("资源未找到", "Vector表备份完成")
    refused, done = (ask(client, "GET", path).json["data"] for path in paths)
    assert refused["error"]["message"] == "not found"
    assert done["result"]["response"] == "the backup of the vector tables is complete"
    assert CHINESE.search(json.dumps([refused, done], ensure_ascii=False)) is None
