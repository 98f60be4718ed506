"""Bytes on a connection that are no request, or not quite one."""

import random
import socket
from contextlib import suppress

TIMEOUT = 2.0
LISTING = b"/api/v0/data_pipeline/vector/restore/list"
BACKUP = b"/api/v0/data_pipeline/vector/backup"
HOST = b"Host: 127.0.0.1\r\n"
LINES = (
    b"",
    b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET " + LISTING + b"\r\n\r\n",
    b"GET " + LISTING + b" HTTP/1.1\r\n\r\n",
    b"GET " + LISTING + b"?" + b"a" * 70_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET " + LISTING + b" HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 300_000 + b"\r\n\r\n",
    b"GET " + LISTING + b"\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET http://evil.example" + LISTING + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET " + LISTING + b" HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    b"GET " + LISTING + b" HTTP/1.1\r\nHost: [::1\r\n\r\n",
    b"GET " + LISTING + b" HTTP/1.1\r\nHost: \xff\r\n\r\n",
    b"GET " + LISTING + b" HTTP/1.1\r\n" + HOST + b"Authorization: Bearer \xff\xfe\r\n\r\n",
    b"GET " + LISTING + b" HTTP/1.1\r\n" + HOST + b"Origin: http://[\r\n\r\n",
    b"GET /%ff%fe/%c3 HTTP/1.1\r\n" + HOST + b"\r\n",
    b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    b"CONNECT 10.0.0.1:22 HTTP/1.1\r\n" + HOST + b"\r\n",
    b"POST " + BACKUP + b" HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n{}",
    b"POST " + BACKUP + b" HTTP/1.1\r\n" + HOST + b"Content-Length: x\r\n\r\n{}",
    b"POST " + BACKUP + b" HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999\r\n\r\n{}",
    b"POST " + BACKUP + b" HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    b"POST " + BACKUP + b" HTTP/1.1\r\n" + HOST + b"Content-Length: 50\r\n\r\n{",
    b"POST " + BACKUP + b" HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    b"POST " + BACKUP + b" HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n{}",
    b"POST " + BACKUP + b" HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"POST "
    + BACKUP
    + b" HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\nGET /",
)


def send(port: int, chance: random.Random) -> tuple[bytes, bytes]:
    """Send some of it, and hang up or wait a moment for the answer; what was sent and what came."""
    data = chance.choice(LINES)
    if data and chance.random() < 0.3:
        place = chance.randrange(len(data))
        data = data[:place] + chance.randbytes(chance.randint(0, 4)) + data[place + 1 :]
    received = b""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while chunk := connection.recv(1 << 16):
            received += chunk
    return data, received
