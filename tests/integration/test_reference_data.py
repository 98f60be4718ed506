"""Reference data: a price table's file merged into a table, from an upload and from a URL that is allowed."""

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from werkzeug.test import TestResponse

from data_pipeline.api import BASE
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.test_resources import KEY, send
from tests.support.answers import data_of, failure

PRICES = """
CREATE SCHEMA billing;
CREATE TABLE billing.prices (
  model varchar(40) PRIMARY KEY, mode text NOT NULL DEFAULT 'chat', input numeric(20, 12), output numeric(20, 12),
  about jsonb, tags text[], vision boolean, source text NOT NULL DEFAULT 'litellm',
  n bigint GENERATED ALWAYS AS IDENTITY, seen timestamptz DEFAULT now(),
  total numeric GENERATED ALWAYS AS (input + output) STORED
);
INSERT INTO billing.prices (model, input, output, source) VALUES
  ('gpt-4', 0.00003, 0.00006, 'litellm'), ('gpt-5', 0.1, 0.2, 'manual'), ('old', 1, 2, 'litellm'),
  ('mine', 7, 8, 'manual')
"""
FILE = {
    "gpt-4": {"input": 0.00002, "output": 0.00006, "about": {"context": 8192}, "tags": ["a", 'b"c'], "vision": False},
    "gpt-5": {"input": 0.5, "output": 0.6, "vision": True},
    "claude": {"input": 0.000003, "output": 0.000015, "about": None},
}
MANUAL = json.dumps({"source": "manual"})


@pytest.fixture
def prices(database: TestDatabase) -> TestDatabase:
    database.execute(PRICES)
    return database


@pytest.fixture
def client(prices: TestDatabase, make_client: Callable[..., Client]) -> Client:
    return make_client(DATABASE_URL=prices.url)


def put(client: Client, content: Any, table: str = "billing.prices", **fields: Any) -> TestResponse:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return client.post(f"{BASE}/tables/{table}/import", data={"file": (BytesIO(data), "prices.json"), **fields})


def rows(database: TestDatabase, columns: str = "model, input::float, source") -> list[tuple[Any, ...]]:
    return database.fetch(f"SELECT {columns} FROM billing.prices ORDER BY model")


def counts(data: dict[str, Any]) -> dict[str, int]:
    return {name: data[name] for name in ("inserted", "updated", "unchanged", "kept", "removed") if data[name]}


def test_a_file_is_merged_and_what_was_set_by_hand_stays(client: Client, prices: TestDatabase) -> None:
    data = data_of(put(client, FILE, keep=MANUAL))
    assert (data["table"], data["format"], data["entries"]) == ("billing.prices", "json", 3)
    assert counts(data) == {"inserted": 1, "updated": 1, "kept": 1}
    assert rows(prices) == [
        ("claude", 3e-06, "litellm"), ("gpt-4", 2e-05, "litellm"), ("gpt-5", 0.1, "manual"), ("mine", 7, "manual"),
        ("old", 1, "litellm"),
    ]  # fmt: skip
    ((about, tags, vision, total),) = prices.fetch(
        "SELECT about, tags, vision, total::float FROM billing.prices WHERE model = 'gpt-4'"
    )
    assert (about, tags, vision, total) == ({"context": 8192}, ["a", 'b"c'], False, 8e-05)
    again = data_of(put(client, FILE, keep=MANUAL))
    assert counts(again) == {"unchanged": 2, "kept": 1}


def test_what_is_named_is_overwritten_though_it_was_set_by_hand(client: Client, prices: TestDatabase) -> None:
    data = data_of(put(client, FILE, keep=MANUAL, overwrite='["gpt-5"]'))
    assert counts(data) == {"inserted": 1, "updated": 2}
    assert ("gpt-5", 0.5, "manual") in rows(prices)
    assert ("mine", 7.0, "manual") in rows(prices)


def test_each_mode_goes_so_far(client: Client, prices: TestDatabase) -> None:
    before = rows(prices)
    skipped = data_of(put(client, FILE, mode="skip"))
    assert counts(skipped) == {"inserted": 1, "unchanged": 2}
    assert [one for one in rows(prices) if one[0] != "claude"] == before
    rehearsed = data_of(put(client, FILE, mode="replace", keep=MANUAL, dry_run="true"))
    assert (counts(rehearsed), rehearsed["dry_run"]) == ({"updated": 1, "unchanged": 1, "kept": 2, "removed": 1}, True)
    assert len(rows(prices)) == 5
    replaced = data_of(put(client, FILE, mode="replace", keep=MANUAL))
    assert counts(replaced) == counts(rehearsed)
    assert [one[0] for one in rows(prices)] == ["claude", "gpt-4", "gpt-5", "mine"]
    assert counts(data_of(put(client, FILE, mode="replace"))) == {"updated": 1, "unchanged": 2, "removed": 1}
    assert [one[0] for one in rows(prices)] == ["claude", "gpt-4", "gpt-5"]


@pytest.mark.parametrize(
    ("content", "file_format"),
    [
        (b'[models."gpt-4"]\ninput = 0.5\n[models.claude]\ninput = 0.25\n', "toml"),
        (b'{"model": "gpt-4", "input": 0.5}\n{"model": "claude", "input": 0.25}\n', "jsonl"),
        (b"model,input\ngpt-4,0.5\nclaude,0.25\n", "csv"),
    ],
)
def test_each_format_comes_to_the_same(client: Client, prices: TestDatabase, content: bytes, file_format: str) -> None:
    data = data_of(put(client, content))
    assert (data["format"], counts(data)) == (file_format, {"inserted": 1, "updated": 1})
    assert {("gpt-4", 0.5, "litellm"), ("claude", 0.25, "litellm")} <= set(rows(prices))


@pytest.mark.parametrize(
    ("content", "fields", "place", "column"),
    [
        ({"a": {"input": 1}, "b": {"prise": 1}}, {}, '"b"', "prise"),
        ({"a": {"input": 1}, "b": {"input": "dear"}}, {}, '"b"', "input"),
        ({"a": {"input": 1}, "b": {"input": 10**9}}, {}, '"b"', "input"),
        ([{"model": "a", "mode": 5}], {}, "第 1 个条目", "mode"),
        ([{"model": "a"}, {"model": "x" * 41}], {}, "第 2 个条目", "model"),
        ([{"model": "a", "mode": None}], {}, "第 1 个条目", "mode"),
        ([{"model": "a", "mode": "nul\0"}], {}, "第 1 个条目", "mode"),
        (b'[{"model": "a", "mode": "\\ud800"}]', {}, "第 1 个条目", "mode"),
        ([{"model": "a"}, {"input": 1}], {}, "第 2 个条目", "model"),
        ([{"model": "a"}, {"model": "a"}], {}, "第 2 个条目", "model"),
        (b"model,vision\na,maybe\n", {}, "第 2 行", "vision"),
        ([{"model": "a", "total": 5}], {}, "第 1 个条目", "total"),
    ],
)
def test_what_is_wrong_is_named_with_its_entry_and_changes_nothing(
    client: Client, prices: TestDatabase, content: Any, fields: dict[str, Any], place: str, column: str
) -> None:
    before = rows(prices, "*")
    refused = put(client, content, **fields)
    assert failure(refused) == (400, "INVALID_PARAMS")
    details = refused.get_json()["data"]["details"]
    assert (details["field"], details["entry"], details["column"]) == ("file", place, column)
    assert rows(prices, "*") == before


@pytest.mark.parametrize(
    ("fields", "expected", "field"),
    [
        ({"mode": "swap"}, (400, "INVALID_PARAMS"), "mode"),
        ({"modes": "skip"}, (400, "INVALID_PARAMS"), "modes"),
        ({"keep": "{"}, (400, "INVALID_PARAMS"), "keep"),
        ({"keep": '{"sauce": "manual"}'}, (400, "INVALID_PARAMS"), "keep"),
        ({"keep": '{"input": "dear"}'}, (400, "INVALID_PARAMS"), "keep"),
        ({"overwrite": '["a"]'}, (400, "INVALID_PARAMS"), "overwrite"),
        ({"overwrite": '[["a", "b"]]', "keep": MANUAL}, (400, "INVALID_PARAMS"), "overwrite"),
        ({"dry_run": "yes"}, (400, "INVALID_PARAMS"), "dry_run"),
        ({"key": ["mode"]}, (409, "SCHEMA_MISMATCH"), None),
        ({"target": "nowhere"}, (400, "INVALID_PARAMS"), "target"),
    ],
)
def test_a_form_that_can_not_be_meant_is_refused(
    client: Client, prices: TestDatabase, fields: dict[str, Any], expected: tuple[int, str], field: str | None
) -> None:
    before = rows(prices, "*")
    content = [{"model": "a", "mode": "b"}]
    refused = put(client, content, **fields)
    assert failure(refused) == expected
    assert field in (None, refused.get_json()["data"]["details"].get("field"))
    assert rows(prices, "*") == before


def test_no_file_two_files_no_form_and_no_table(client: Client, prices: TestDatabase) -> None:
    url = f"{BASE}/tables/billing.prices/import"
    assert failure(client.post(url, data={"mode": "skip"}, content_type="multipart/form-data"))[0] == 400
    two = {"file": [(BytesIO(b"[]"), "a"), (BytesIO(b"[]"), "b")]}
    assert failure(client.post(url, data=two)) == (400, "INVALID_PARAMS")
    assert failure(client.post(url, data=b"[]")) == (400, "INVALID_PARAMS")
    assert failure(put(client, FILE, "billing.nothing")) == (409, "SCHEMA_MISMATCH")
    prices.execute("CREATE VIEW billing.seen AS SELECT * FROM billing.prices")
    assert failure(put(client, FILE, "billing.seen")) == (409, "SCHEMA_MISMATCH")
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    large = part + b"x" * ((8 << 20) + 1) + b"\r\n--x--\r\n"
    form = "multipart/form-data; boundary=x"
    assert failure(client.post(url, data=large, content_type=form)) == (413, "PAYLOAD_TOO_LARGE")


def test_rows_that_others_refer_to_stay(client: Client, prices: TestDatabase) -> None:
    prices.execute(
        "CREATE TABLE billing.orders (model varchar REFERENCES billing.prices ON DELETE CASCADE);"
        "INSERT INTO billing.orders VALUES ('old')"
    )
    assert failure(put(client, FILE, mode="replace")) == (409, "DEPENDENT_ROWS")
    assert len(rows(prices)) == 4
    assert counts(data_of(put(client, FILE)))["updated"] == 2
    assert prices.fetch("SELECT * FROM billing.orders") == [("old",)]


def test_a_key_of_several_columns_and_null_are_kept_apart(client: Client, prices: TestDatabase) -> None:
    prices.execute(
        "CREATE TABLE billing.words (lang text, word text, said text, by_hand boolean, UNIQUE (lang, word));"
        "INSERT INTO billing.words VALUES ('de', 'yes', 'ja', NULL), ('fr', 'yes', 'oui', true),"
        " ('it', 'yes', 'si', true)"
    )
    content = [{"lang": one, "word": "yes", "said": "?"} for one in ("de", "fr", "it")]
    fields = {"key": ["lang", "word"], "keep": '{"by_hand": true}', "overwrite": '[["it", "yes"]]'}
    data = data_of(put(client, content, "billing.words", **fields))
    assert counts(data) == {"updated": 2, "kept": 1}
    assert prices.fetch("SELECT lang, said FROM billing.words ORDER BY 1") == [("de", "?"), ("fr", "oui"), ("it", "?")]
    data = data_of(
        put(client, content, "billing.words", key=["lang", "word"], keep='{"by_hand": null}', mode="replace")
    )
    assert counts(data) == {"updated": 1, "unchanged": 1, "kept": 1}


class _Prices(http.server.BaseHTTPRequestHandler):
    """Prices at one path, a redirect to them at another."""

    def do_GET(self) -> None:
        if self.path == "/data/prices.json":
            content = json.dumps(FILE).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        elif self.path == "/data/moved.json":
            self.send_response(302)
            self.send_header("Location", "/data/prices.json")
            self.end_headers()
        else:
            self.send_error(404)

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture
def cloud() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Prices)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/data/"
    server.shutdown()
    server.server_close()


def test_a_schedule_fetches_it_from_where_it_may(
    prices: TestDatabase, jobs_database: TestDatabase, make_client: Callable[..., Client], cloud: str
) -> None:
    settings = {"DATABASE_URL": prices.url, "JOBS_DATABASE_URL": jobs_database.url, "SECRET_KEY": KEY}
    client = make_client(**settings, IMPORT_ALLOWED_URLS=cloud)

    def create(name: str, **request: Any) -> TestResponse:
        body = {
            "name": name,
            "kind": "table_import",
            "when": "daily",
            "request": {"table": "billing.prices", **request},
        }
        return send(client, "POST", "/schedules", body)

    def ran(name: str) -> dict[str, Any]:
        job = data_of(send(client, "POST", f"/schedules/{name}/run"), 202)["job_id"]
        deadline = time.monotonic() + 60
        while True:
            found: dict[str, Any] = data_of(client.get(f"{BASE}/vector/jobs/{job}"))
            if found["finished_at"]:
                return found
            assert time.monotonic() < deadline
            time.sleep(0.05)

    data_of(create("prices", url=f"{cloud}prices.json", keep={"source": "manual"}, mode="replace"), 201)
    done = ran("prices")
    assert (done["state"], counts(done["result"])) == (
        "SUCCEEDED",
        {"inserted": 1, "updated": 1, "kept": 2, "removed": 1},
    )
    for name in ("moved", "nothing"):
        data_of(create(name, url=f"{cloud}{name}.json"), 201)
        failed = ran(name)
        assert (failed["state"], failed["failure"]["error_type"]) == ("FAILED", "SERVICE_UNAVAILABLE")
    for url in ("http://127.0.0.1:1/x", f"{cloud}../secret.json", cloud.replace("/data/", "/other")):
        assert failure(create("bad", url=url)) == (403, "FORBIDDEN")
    for url in ("file:///etc/passwd", cloud.replace("://", "://user:pw@"), "prices.json"):
        assert failure(create("bad", url=url)) == (400, "INVALID_PARAMS")
    assert failure(create("bad", url=f"{cloud}prices.json", mode="swap")) == (400, "INVALID_PARAMS")
