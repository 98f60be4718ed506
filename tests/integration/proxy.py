"""A TCP relay in front of a PostgreSQL server, which loses what a test tells it to lose, at that very message."""

import select
import socket
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

COMMIT = b"Q\0\0\0\x0bCOMMIT\0"
"""The message by which libpq commits: its kind, its length, the statement."""

COPY_FROM = b"FROM STDIN"
COPY_TO = b"TO STDOUT"


class Proxy:
    """Relays any number of connections, each in a thread of its own.

    The proxy stands between the service and `url`; its own `url` is the same database by way of the proxy.
    """

    def __init__(self, url: str) -> None:
        self._server = urlsplit(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._actions: dict[bytes, Callable[[socket.socket, socket.socket, bytes], None]] = {}
        self.accepted = 0
        """Connections so far, refused ones included."""
        self.last_words = b""
        """What the server said when it gave up waiting for a request that was kept back."""
        self.refusing: float = 0
        """How many of the next connections are closed at once."""
        self.room: float = float("inf")
        """Bytes of answers that may still pass; then the server is not read any more."""
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        login = self._server.netloc.rpartition("@")[0]
        return f"postgresql://{login}@127.0.0.1:{self.port}{self._server.path}?sslmode=disable"

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def drop(self, request: bytes) -> None:
        """Lose a request: it never reaches the server, and the connection is gone."""
        self._actions[request] = lambda _client, _server, _data: None

    def lose_answer(self, request: bytes) -> None:
        """Deliver a request, wait for the server's answer, and lose that together with the connection."""

        def deliver(_client: socket.socket, server: socket.socket, data: bytes) -> None:
            server.sendall(data)
            server.recv(1)

        self._actions[request] = deliver

    def leave_at_work(self, request: bytes) -> None:
        """Deliver a request and lose the client's connection, while the server goes on with what it was told."""

        def deliver(client: socket.socket, server: socket.socket, data: bytes) -> None:
            server.sendall(data)
            client.close()
            server.recv(1)

        self._actions[request] = deliver

    def keep_back(self, request: bytes) -> None:
        """Keep a request back until the server has given up waiting for one, and pass on its last words."""

        def deliver(client: socket.socket, server: socket.socket, _data: bytes) -> None:
            server.settimeout(30)
            while data := server.recv(1 << 16):
                self.last_words += data
                client.sendall(data)

        self._actions[request] = deliver

    def vanish(self, request: bytes) -> None:
        """Lose the answer to a request, and the server with it: nobody can connect any more."""

        def deliver(_client: socket.socket, server: socket.socket, data: bytes) -> None:
            self.refusing = float("inf")
            server.sendall(data)
            server.recv(1)

        self._actions[request] = deliver

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # close() alone would leave accept() waiting
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            if self.refusing > 0:
                self.refusing -= 1
                client.close()
            else:
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        assert self._server.hostname
        server = socket.create_connection((self._server.hostname, self._server.port or 5432))
        with client, server:
            try:
                while self._pass_on(client, server):
                    pass
            except OSError:
                return

    def _pass_on(self, client: socket.socket, server: socket.socket) -> bool:
        """Pass on what has come, from either side; False once the connection is over."""
        ready, _, _ = select.select([client, server] if self.room > 0 else [client], [], [])
        if client in ready:
            data = client.recv(1 << 16)
            for request, action in self._actions.items():
                if request in data:
                    action(client, server, data)
                    return False
            server.sendall(data)
            return bool(data)
        data = server.recv(1 << 16)
        self.room -= len(data)
        client.sendall(data)
        return bool(data)
