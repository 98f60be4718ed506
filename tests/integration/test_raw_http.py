"""What the server answers to bytes that no HTTP library would send; in the envelope as well."""

import json
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest

HALF_ADDRESSES = [b"GET http://[", b"GET http://]/", b"GET http://[::1/healthz", b"POST http://[1.2.3.4]/x"]
PATH = b"/api/v0/data_pipeline/vector/restore"


@pytest.fixture
def send(start_server: Callable[..., Any]) -> Callable[[bytes], tuple[int, Any]]:
    """Send bytes to the service; the status and the parsed body of its answer."""
    server = start_server(DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing", MAX_BODY_BYTES="4096")
    host, _, port = server.address.rpartition(":")

    def run(data: bytes) -> tuple[int, Any]:
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)

    return run


def request(method: bytes, path: bytes, body: bytes = b"", *headers: bytes) -> bytes:
    lines = [method + b" " + path + b" HTTP/1.1", b"Host: localhost", b"Connection: close", *headers]
    return b"\r\n".join([*lines, b"", body])


def test_every_answer_is_in_the_envelope(send: Callable[[bytes], tuple[int, Any]]) -> None:
    large = b'{"task_id": "' + b"x" * 5000 + b'"}'
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(large), large)
    cases = {
        "no body": (request(b"POST", PATH), 400),
        "a body in chunks": (request(b"POST", PATH, b"2\r\n{}\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"), 400),
        "too large": (request(b"POST", PATH, large, b"Content-Length: %d" % len(large)), 413),
        "too large in chunks": (request(b"POST", PATH, chunks, b"Transfer-Encoding: chunked"), 413),
        "far too large": (request(b"POST", PATH, b"", b"Content-Length: 9999999999"), 413),
        "a wrong length": (request(b"POST", PATH, b"{}", b"Content-Length: -1"), 400),
        "no such route": (request(b"GET", b"/nothing"), 404),
        "no such method": (request(b"BREW", PATH), 405),
        "a path out": (request(b"GET", b"/../../etc/passwd"), 404),
        "a path with a NUL": (request(b"GET", b"/%00"), 404),
        "a path that is no UTF-8": (request(b"GET", b"/%ff"), 404),
        "a path that is no ASCII": (request(b"GET", b"/\xff"), 400),
        "a length of thousands of digits": (request(b"POST", PATH, b"", b"Content-Length: " + b"9" * 5000), 400),
        "an absolute URL with a port that is none": (request(b"GET", b"http://localhost:port/nothing"), 404),
        "a Host that is half an address": (b"GET /healthz HTTP/1.1\r\nHost: [\r\nConnection: close\r\n\r\n", 403),
        "a query that is no UTF-8": (request(b"GET", PATH + b"/list?task_id=%ff"), 400),
    }
    cases |= {f"half an address in {line!r}": (line + b" HTTP/1.1\r\n\r\n", 400) for line in HALF_ADDRESSES}
    for name, (data, expected) in cases.items():
        status, answer = send(data)
        assert (name, status, answer["code"], answer["success"]) == (name, expected, expected, False)
        assert answer["data"]["error_type"]


def test_a_client_that_speaks_tls_is_answered_and_not_kept_waiting(start_server: Callable[..., Any]) -> None:
    server = start_server(DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    host, _, port = server.address.rpartition(":")
    context = ssl.create_default_context()
    with socket.create_connection((host, int(port)), timeout=60) as connection, pytest.raises(ssl.SSLError) as refused:
        context.wrap_socket(connection, server_hostname="localhost")
    assert refused.value.reason == "WRONG_VERSION_NUMBER"


def test_clients_of_milvus_backup_name_their_requests_with_an_underscore(
    send: Callable[[bytes], tuple[int, Any]],
) -> None:
    status, answer = send(request(b"GET", b"/api/v1/get_backup", b"", b"request_id: of-a-client"))
    assert (status, answer["code"], answer["requestId"]) == (200, 400, "of-a-client")
