"""Who may come in, and what is refused at the door: nothing of it reaches a table or a file."""

import http.client
import json
import socket
from collections.abc import Callable
from email.message import Message
from typing import Any

import pytest
from flask.testing import FlaskClient

from data_pipeline.api import PREFIX
from data_pipeline.api.security import identity
from data_pipeline.settings import Settings, SettingsError
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import failure

TOKEN = "the-token-that-opens-everything"
READ_TOKEN = "the-token-that-only-reads"
SITE = "https://panel.example.com"
SET = f"{PREFIX}/backups/global/20250722_010318"
REPLACE = {"truncate_before_restore": True}
WRITES = [
    ("POST", f"{PREFIX}/restore"),
    ("POST", f"{PREFIX}/backup"),
    ("DELETE", SET),
    ("PUT", SET),
]
READS = [f"{PREFIX}/restore/list", SET, "/metrics"]
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def plain(client: Client) -> FlaskClient:
    """A client for answers that are not in the envelope: a preflight's, the metrics."""
    return FlaskClient(client.application, client.application.response_class)


@pytest.fixture
def guarded(make_client: Callable[..., Client], database: TestDatabase, small_set: dict[str, str]) -> Any:
    """A client of the service with both tokens, and a set that a request could restore or delete."""
    return make_client(DATABASE_URL=database.url, API_TOKEN=TOKEN, API_READ_TOKEN=READ_TOKEN)


@pytest.fixture
def untouched(database: TestDatabase, fill: Any, bits: Any, output_dir: Any) -> Callable[[], None]:
    """Fill the tables; then a check that they, and the backup files, are still what they were."""
    fill(database)

    def state() -> Any:
        return bits(database), sorted(path.name for path in (output_dir / "vector_bak").iterdir())

    before = state()

    def check() -> None:
        assert state() == before

    return check


# Tokens

WRONG = {
    "none": {},
    "an empty one": bearer(""),
    "a wrong one": bearer("a-token-nobody-has-given"),
    "the start of one": bearer(TOKEN[:-1]),
    "one and more": bearer(f"{TOKEN}x"),
    "one in capitals": bearer(TOKEN.upper()),
    "one without its scheme": {"Authorization": TOKEN},
    "one of another scheme": {"Authorization": f"Basic {TOKEN}"},
    "one beyond ASCII": bearer("ë" * 20),
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG)
def test_without_the_token_nothing_is_read_or_written(
    guarded: Any, untouched: Callable[[], None], headers: dict[str, str]
) -> None:
    for method, path in [*WRITES, *(("GET", path) for path in [*READS, "/nowhere"]), ("POST", f"{SET}/verify")]:
        response = guarded.open(path, method=method, json={}, headers=headers)
        assert failure(response) == (401, "UNAUTHORIZED"), path
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert TOKEN not in response.text
    untouched()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_token_opens_everything(guarded: Any, small_set: dict[str, str], scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {TOKEN}"}
    assert guarded.get(f"{PREFIX}/restore/list", headers=headers).status_code == 200
    assert guarded.post(f"{PREFIX}/restore", json={**small_set, **REPLACE}, headers=headers).status_code == 200
    assert guarded.post(f"{PREFIX}/backup", headers=headers).status_code == 200
    assert guarded.delete(SET, headers=headers).status_code == 200
    assert plain(guarded).get("/metrics", headers=headers).status_code == 200


def test_the_reading_token_reads_but_never_writes(
    guarded: Any, small_set: dict[str, str], untouched: Callable[[], None]
) -> None:
    for path in READS:
        assert plain(guarded).get(path, headers=bearer(READ_TOKEN)).status_code == 200
    assert guarded.post(f"{SET}/verify", headers=bearer(READ_TOKEN)).status_code == 200
    assert guarded.post(f"{PREFIX}/compare", json=small_set, headers=bearer(READ_TOKEN)).status_code == 200
    for method, path in WRITES:
        response = guarded.open(path, method=method, json={}, headers=bearer(READ_TOKEN))
        assert failure(response) == (403, "FORBIDDEN")
        assert "WWW-Authenticate" not in response.headers
    untouched()


def test_with_a_reading_token_alone_nobody_writes(make_client: Callable[..., Client], database: TestDatabase) -> None:
    client = make_client(DATABASE_URL=database.url, API_READ_TOKEN=READ_TOKEN)
    assert failure(client.backup()) == (401, "UNAUTHORIZED")
    assert failure(client.post(f"{PREFIX}/backup", headers=bearer(READ_TOKEN))) == (403, "FORBIDDEN")
    assert client.get(f"{PREFIX}/restore/list", headers=bearer(READ_TOKEN)).status_code == 200


def test_a_token_is_compared_whole_however_soon_it_differs(guarded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    compare_digest = identity.hmac.compare_digest

    def remember(given: bytes, token: bytes) -> bool:
        compared.append((given, token))
        return compare_digest(given, token)

    monkeypatch.setattr(identity.hmac, "compare_digest", remember)
    guarded.get(f"{PREFIX}/restore/list", headers=bearer("x"))
    assert compared == [(b"x", TOKEN.encode()), (b"x", READ_TOKEN.encode())]


def test_a_probe_needs_no_token(guarded: Any) -> None:
    assert guarded.get("/healthz").status_code == 200
    assert guarded.get("/readyz").status_code == 200


def test_without_tokens_whoever_is_on_this_machine_may_write(client: Client) -> None:
    assert client.backup().status_code == 200


# Where it listens

EVERYWHERE = {"HOST": "0.0.0.0"}


@pytest.mark.parametrize(
    "env",
    [
        EVERYWHERE,
        {"HOST": "::"},
        {"HOST": "192.0.2.1"},
        {"HOST": "example.com"},
        EVERYWHERE | {"API_READ_TOKEN": TOKEN},
    ],
)
def test_without_the_token_only_this_machine_may_reach_it(env: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="API_TOKEN"):
        Settings.load(env)


def test_it_does_not_start_where_others_could_write_without_a_token(start_server: Any, output_dir: Any) -> None:
    server = start_server(**EVERYWHERE)
    assert server.process.wait(60) == 1
    (line,) = server.log.splitlines()
    assert line.startswith("unified_api: HOST is not a loopback address: set API_TOKEN")


def test_with_the_token_it_listens_to_others(start_server: Any, database: TestDatabase) -> None:
    server = start_server(**EVERYWHERE, API_TOKEN=TOKEN, DATABASE_URL=database.url)
    port = server.address.rpartition(":")[2]
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)
    statuses = []
    for headers in ({}, bearer(TOKEN)):
        connection.request("GET", f"{PREFIX}/restore/list", headers={**headers, "Host": "backup.example.com"})
        response = connection.getresponse()
        statuses.append((response.status, json.loads(response.read())["code"]))
    connection.close()
    assert statuses == [(401, 401), (200, 200)]
    assert TOKEN not in server.log


# The Host header

FOREIGN_HOSTS = [
    "evil.example.com",
    "evil.example.com:8084",
    "127.0.0.1.evil.example.com",
    "localhost.evil.example.com",
    "localhost@evil.example.com",
    "169.254.169.254",
    "0.0.0.0",
    "[::1",
    "localhost:port",
    "localhost/x",
]


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_name_that_somebody_else_made_mean_this_machine_is_refused(
    client: Client, small_set: dict[str, str], untouched: Callable[[], None], host: str
) -> None:
    for response in (
        client.post(f"{PREFIX}/restore", json={**small_set, **REPLACE}, headers={"Host": host}),
        client.get(f"{PREFIX}/restore/list", headers={"Host": host}),
        client.get("/healthz", headers={"Host": host}),
    ):
        assert failure(response) == (403, "FORBIDDEN")
    untouched()


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8084", "127.0.0.1:8084", "127.0.0.2", "[::1]", "[::1]:8084"])
def test_the_names_of_this_machine_are_let_in(client: Client, host: str) -> None:
    assert client.get(f"{PREFIX}/restore/list", headers={"Host": host}).status_code == 200


def test_further_names_can_be_allowed(make_client: Callable[..., Client]) -> None:
    client = make_client(ALLOWED_HOSTS="backup.example.com, other.example.com")
    for host, status in [
        ("backup.example.com", 200),
        ("Other.Example.com:443", 200),
        ("localhost", 200),
        ("x.backup.example.com", 403),
    ]:
        assert client.get("/healthz", headers={"Host": host}).status_code == status


def test_for_others_any_name_will_do_unless_names_are_given(make_client: Callable[..., Client]) -> None:
    anybody = make_client(**EVERYWHERE, API_TOKEN=TOKEN)
    assert anybody.get("/healthz", headers={"Host": "evil.example.com"}).status_code == 200
    named = make_client(**EVERYWHERE, API_TOKEN=TOKEN, ALLOWED_HOSTS="backup.example.com")
    assert failure(named.get("/healthz", headers={"Host": "evil.example.com"})) == (403, "FORBIDDEN")
    assert named.get("/healthz", headers={"Host": "backup.example.com"}).status_code == 200


# Browsers

FOREIGN = {
    "a page of another site": {"Sec-Fetch-Site": "cross-site"},
    "another origin": {"Origin": SITE},
    "no origin in particular": {"Origin": "null"},
    "another port of this machine": {"Origin": "http://localhost:3000"},
    "another scheme": {"Origin": "https://localhost"},
    "a name that starts like ours": {"Origin": "http://localhost.evil.example.com"},
    "a page of another site with our origin": {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_a_browser_sent_by_another_site_is_refused(
    client: Client, small_set: dict[str, str], untouched: Callable[[], None], headers: dict[str, str]
) -> None:
    for response in (
        client.post(f"{PREFIX}/restore", json={**small_set, **REPLACE}, headers=headers),
        client.delete(SET, headers=headers),
        client.get(f"{PREFIX}/restore/list", headers=headers),
    ):
        assert failure(response) == (403, "FORBIDDEN")
        assert "Access-Control-Allow-Origin" not in response.headers
    untouched()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://localhost"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_our_own_pages_and_programs_are_let_in(client: Client, headers: dict[str, str]) -> None:
    assert client.post(f"{PREFIX}/backup", headers=headers).status_code == 200


PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


@pytest.fixture
def shared(make_client: Callable[..., Client], database: TestDatabase) -> Any:
    """A client of the service that one other site's pages may call, with a token."""
    return make_client(DATABASE_URL=database.url, CORS_ORIGINS=SITE, API_TOKEN=TOKEN)


def test_a_configured_site_may_ask_and_call(shared: Any) -> None:
    asked = plain(shared).options(f"{PREFIX}/backup", headers={**PREFLIGHT, "Origin": SITE})
    assert (asked.status_code, asked.data) == (204, b"")
    assert asked.headers["Access-Control-Allow-Origin"] == SITE
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in asked.headers["Access-Control-Allow-Headers"]
    headers = {"Origin": SITE, "Sec-Fetch-Site": "cross-site", **bearer(TOKEN)}
    called = shared.post(f"{PREFIX}/backup", headers=headers)
    assert called.status_code == 200
    assert called.headers["Access-Control-Allow-Origin"] == SITE
    assert "X-Request-ID" in called.headers["Access-Control-Expose-Headers"]


def test_a_configured_site_still_needs_the_token_and_can_read_the_refusal(shared: Any) -> None:
    response = shared.post(f"{PREFIX}/backup", headers={"Origin": SITE})
    assert failure(response) == (401, "UNAUTHORIZED")
    assert response.headers["Access-Control-Allow-Origin"] == SITE


@pytest.mark.parametrize("origin", ["https://evil.example.com", f"{SITE}.evil.com", "http://panel.example.com", "null"])
def test_any_other_site_may_not_even_ask(shared: Any, origin: str) -> None:
    for response in (
        shared.options(f"{PREFIX}/backup", headers={**PREFLIGHT, "Origin": origin}),
        shared.post(f"{PREFIX}/backup", headers={"Origin": origin, **bearer(TOKEN)}),
    ):
        assert failure(response) == (403, "FORBIDDEN")
        assert "Access-Control-Allow-Origin" not in response.headers


def test_no_cache_gives_one_sites_answer_to_another(shared: Any) -> None:
    for headers in ({}, {"Origin": SITE}):
        assert "Origin" in shared.get("/healthz", headers=headers).headers["Vary"]


# What every answer carries, and how large and how many requests may be


def test_every_answer_tells_browsers_to_keep_their_hands_off(guarded: Any) -> None:
    answers = [
        guarded.get("/healthz"),
        guarded.get(f"{PREFIX}/restore/list"),
        guarded.get("/nowhere", headers=bearer(TOKEN)),
        guarded.get(f"{PREFIX}/restore", headers=bearer(TOKEN)),
        guarded.get("/healthz", headers={"Host": "evil.example.com"}),
        guarded.post(f"{PREFIX}/restore", data=b"{", headers=bearer(TOKEN)),
        guarded.post(f"{PREFIX}/backup", data=b" " * (1 << 20) + b"{}", headers=bearer(TOKEN)),
    ]
    assert [answer.status_code for answer in answers] == [200, 401, 404, 405, 403, 400, 413]
    for answer in answers:
        assert SECURITY.items() <= dict(answer.headers).items()
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_a_body_over_the_limit_is_refused(
    make_client: Callable[..., Client], database: TestDatabase, small_set: dict[str, str], untouched: Callable[[], None]
) -> None:
    client = make_client(DATABASE_URL=database.url, MAX_BODY_BYTES="1024")
    body = json.dumps({**small_set, **REPLACE}).encode()
    response = client.post(f"{PREFIX}/restore", data=body.ljust(1025))
    assert failure(response) == (413, "PAYLOAD_TOO_LARGE")
    untouched()
    assert client.post(f"{PREFIX}/restore", data=body.ljust(1024)).status_code == 200


def test_one_writer_more_than_allowed_is_told_to_come_back(
    make_client: Callable[..., Client],
    database: TestDatabase,
    small_set: dict[str, str],
    background: Any,
    wait_for_lock: Any,
) -> None:
    client = make_client(DATABASE_URL=database.url, MAX_WRITERS="1")
    reader = database.connect()
    reader.cursor().execute("LOCK TABLE langchain_pg_embedding IN ACCESS SHARE MODE")
    first = background(lambda: client.twin().restore(**small_set, **REPLACE))
    wait_for_lock(database)
    refused = client.backup()
    assert failure(refused) == (503, "SERVICE_UNAVAILABLE")
    assert refused.get_json()["data"]["can_retry"] is True
    assert client.list().status_code == 200
    reader.rollback()
    assert first.result().status_code == 200
    assert client.backup().status_code == 200


def test_a_writer_that_fails_or_is_refused_makes_room_for_the_next(
    make_client: Callable[..., Client], database: TestDatabase
) -> None:
    client = make_client(DATABASE_URL=database.url, MAX_WRITERS="1", API_TOKEN=TOKEN)
    statuses = [client.post(f"{PREFIX}/backup", data=data, headers=bearer(TOKEN)).status_code for data in (b"{", b"[]")]
    statuses += [client.delete(SET, headers=bearer(TOKEN)).status_code, client.backup().status_code]
    statuses += [client.post(f"{PREFIX}/backup?x=1", headers=bearer(TOKEN)).status_code]
    assert statuses == [400, 400, 404, 401, 400]
    assert client.post(f"{PREFIX}/backup", headers=bearer(TOKEN)).status_code == 200


# What the HTTP server answers before any route is asked


def exchange(address: str, request: bytes) -> tuple[int, Message, dict[str, Any]]:
    """Send bytes as they are: the answer's status, headers and JSON."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response.status, response.headers, json.loads(response.read())


HEAD = f"POST {PREFIX}/backup HTTP/1.1\r\nHost: localhost\r\n".encode()
UNHEARD = {
    "no request line": (b"\x16\x03\x01 hello\r\n\r\n", 400),
    "no version": (b"GET /healthz nonsense\r\n\r\n", 400),
    "a header without a colon": (b"GET /healthz HTTP/1.1\r\nHost localhost\r\n\r\n", 400),
    "headers without end": (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * (1 << 19) + b"\r\n\r\n", 400),
    "a length that is none": (HEAD + b"Content-Length: -1\r\n\r\n", 400),
    "two lengths": (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    "an encoding nobody knows": (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", 400),
    "a chunk whose length is none": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", 400),
    "a chunk of another length": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n", 400),
    "a body of gigabytes": (HEAD + b"Content-Length: 9999999999\r\n\r\n", 413),
    "a chunk over the limit": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n600\r\n" + b" " * 0x600 + b"\r\n0\r\n\r\n",
        413,
    ),
    "chunks without end": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"400\r\n%b\r\n" % (b" " * 0x400) * 24, 413),
}


def test_what_is_no_http_or_far_too_much_is_answered_in_the_envelope(start_server: Any, database: TestDatabase) -> None:
    address = start_server(DATABASE_URL=database.url, MAX_BODY_BYTES="1024").address
    for name, (request, expected) in UNHEARD.items():
        status, headers, answer = exchange(address, request)
        assert (name, status) == (name, expected)
        assert (answer["code"], answer["success"]) == (expected, False)
        assert answer["data"]["error_type"] == {400: "INVALID_PARAMS", 413: "PAYLOAD_TOO_LARGE"}[expected]
        assert headers["Content-Type"] == "application/json"
        assert headers["X-Request-ID"]
        assert {name: headers[name] for name in SECURITY} == SECURITY
    status, _, answer = exchange(address, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert (status, answer["success"]) == (200, True)
