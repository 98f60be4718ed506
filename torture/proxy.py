"""A proxy in front of PostgreSQL that breaks connections just where they hurt, at COMMIT, or falls silent."""

import socket
import threading
import time
from contextlib import suppress
from typing import Literal

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
"""The message of the simple query protocol that psycopg2 sends."""

Break = Literal["before", "after", "slow", "for good"]
SLOW_SECONDS = 1.0


class Proxy:
    """Passes everything on, until it is told how to break the next COMMIT.

    before: COMMIT never reaches the server. after: the server has committed, its answer is lost. slow: the client is
    cut off at once, and the server commits a second later. for good: as after, and nobody gets through any more.
    """

    def __init__(self, port: int) -> None:
        self._server = port
        self._break: Break | None = None
        self._closed = self._quiet = False
        self._silences = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def break_next(self, how: Break) -> None:
        self._break = how

    @property
    def armed(self) -> bool:
        """Whether no COMMIT has come yet."""
        return self._break is not None

    def let_through(self) -> None:
        """Be of use again after `for good`."""
        self._closed, self._break = False, None

    def fall_silent(self) -> None:
        """Take everything and pass nothing on, from now on; who is connected now is never heard again."""
        self._silences += 1
        self._quiet = True

    def speak(self) -> None:
        """Pass on what new connections say."""
        self._quiet = False

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._closed:
                    client.close()
                else:
                    server = socket.create_connection(("127.0.0.1", self._server))
                    begun = self._silences
                    threading.Thread(target=self._to_server, args=(client, server, begun), daemon=True).start()
                    threading.Thread(target=self._to_client, args=(server, client, begun), daemon=True).start()

    def _is_silent(self, begun: int) -> bool:
        return self._quiet or self._silences > begun

    def _to_server(self, client: socket.socket, server: socket.socket, begun: int) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 16):
                if self._is_silent(begun):
                    continue
                if COMMIT in data and self._break:
                    how, self._break = self._break, None
                    self._commit(how, data, client, server)
                    return
                server.sendall(data)
        _end(client, server)

    def _to_client(self, server: socket.socket, client: socket.socket, begun: int) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                if not self._is_silent(begun):
                    client.sendall(data)
        _end(client)

    def _commit(self, how: Break, data: bytes, client: socket.socket, server: socket.socket) -> None:
        self._closed = how == "for good"
        if how == "before":
            _end(client, server)
            return
        _end(client)  # nothing of the answer gets through
        if how == "slow":
            time.sleep(SLOW_SECONDS)
        server.sendall(data)
        with suppress(OSError):
            server.settimeout(5)
            server.recv(1 << 16)
        _end(server)


def _end(*connections: socket.socket) -> None:
    for connection in connections:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()
