"""A TCP relay in front of a server, which cuts, delays, keeps back or changes what a test tells it to."""

import select
import socket
import threading
import time
from collections.abc import Callable, Set
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

Side = Literal["request", "answer"]
ALWAYS = float("inf")
COMMIT = b"Q\0\0\0\x0bCOMMIT\0"
"""The message by which libpq commits: its kind, its length, the statement."""

COPY_FROM = b"FROM STDIN"
COPY_TO = b"TO STDOUT"


@dataclass
class Fault:
    """Something done to the bytes of one side, once a connection has carried so many of them."""

    side: Side
    act: Callable[[socket.socket, socket.socket, bytes], bytes | None]
    """From both ends and the bytes to those passed on instead; None ends the connection."""
    after: int = -1
    times: float = 1
    """How often it still happens."""
    saying: bytes = b""
    """Only to bytes that hold these."""


@dataclass
class Relay:
    """Relays any number of connections to a port."""

    target: int
    host: str = "127.0.0.1"
    accepted: int = 0
    """Connections so far, refused ones included."""
    faults: list[Fault] = field(default_factory=list)
    refusing: float = 0
    """How many of the next connections are closed at once."""
    room: float = ALWAYS
    """Bytes of answers that may still pass; then the server is not read any more."""
    last_words: bytes = b""
    """What the server said to whom a request was kept back from it."""

    def __post_init__(self) -> None:
        self._guard = threading.Lock()
        self._losing: set[socket.socket] = set()
        self._ends: set[socket.socket] = set()
        self._silent: set[socket.socket] = set()
        self._passing = threading.Event()
        self._passing.set()
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @classmethod
    def before(cls, url: str) -> "Relay":
        """A relay to the server of a database."""
        parts = urlsplit(url)
        return cls(parts.port or 5432, parts.hostname or "localhost")

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def through(self, url: str) -> str:
        """The URL of a database, by way of this relay."""
        parts = urlsplit(url)
        return f"postgresql://{parts.netloc.rpartition('@')[0]}@127.0.0.1:{self.port}{parts.path}?sslmode=disable"

    # What happens to bytes

    def cut(self, side: Side, after: int, times: float = 1) -> None:
        """Close the connection once so many bytes have passed."""
        self.faults.append(Fault(side, lambda _from, _to, _data: None, after, times))

    def delay(self, side: Side, after: int, seconds: float) -> None:
        """Keep the bytes back for a while."""

        def wait(_from: socket.socket, _to: socket.socket, data: bytes) -> bytes:
            time.sleep(seconds)
            return data

        self.faults.append(Fault(side, wait, after))

    def flip(self, side: Side, after: int, times: float = 1) -> None:
        """Change one bit of what comes next."""
        self.faults.append(Fault(side, lambda _from, _to, data: bytes([data[0] ^ 1]) + data[1:], after, times))

    def replace(self, old: bytes, new: bytes) -> None:
        """Change requests that say something, each time."""
        self.faults.append(Fault("request", lambda _from, _to, data: data.replace(old, new), times=ALWAYS))

    # What happens to a request that says something

    def drop(self, request: bytes, times: float = 1) -> None:
        """Lose it: it never reaches the server, and the connection is gone."""
        self.faults.append(Fault("request", lambda _from, _to, _data: None, times=times, saying=request))

    def lose_answer(self, request: bytes, times: float = 1) -> None:
        """Deliver it, wait for the server's answer, and lose that together with the connection."""
        self.faults.append(Fault("request", self._deliver, times=times, saying=request))

    def leave_at_work(self, request: bytes, times: float = 1) -> None:
        """Deliver it and lose the client's connection, while the server goes on with what it was told."""

        def leave(client: socket.socket, server: socket.socket, data: bytes) -> None:
            server.sendall(self._deliver(client, server, data))
            client.shutdown(socket.SHUT_RDWR)
            select.select([server], [], [])

        self.faults.append(Fault("request", leave, times=times, saying=request))

    def keep_back(self, request: bytes) -> None:
        """Keep it back until the server has given up waiting for one, and pass on its last words."""

        def listen(_from: socket.socket, _to: socket.socket, data: bytes) -> bytes:
            self.last_words += data
            return data

        def keep(_client: socket.socket, _server: socket.socket, _data: bytes) -> bytes:
            self.faults.append(Fault("answer", listen, times=ALWAYS))
            return b""

        self.faults.append(Fault("request", keep, times=ALWAYS, saying=request))

    def vanish(self, request: bytes) -> None:
        """Lose the answer to it, and the server with it: nobody can connect any more."""

        def deliver(client: socket.socket, server: socket.socket, data: bytes) -> bytes:
            self.refusing = ALWAYS
            return self._deliver(client, server, data)

        self.faults.append(Fault("request", deliver, saying=request))

    def lose_commit_of(self, statement: bytes, *, and_go: bool = False) -> None:
        """Lose the answer to the COMMIT of the first transaction that says something, and the server with it."""

        def mark(client: socket.socket, _server: socket.socket, data: bytes) -> bytes:
            said.add(client)
            return data

        def commit(client: socket.socket, server: socket.socket, data: bytes) -> bytes | None:
            if client not in said:
                return data
            if not and_go:
                return self._deliver(client, server, data)
            self.go(sparing={client, server})  # first: who loses this answer may ask again at once
            server.sendall(self._deliver(client, server, data))
            select.select([server], [], [])
            return None

        said: set[socket.socket] = set()
        self.faults.append(Fault("request", mark, saying=statement))
        self.faults.append(Fault("request", commit, times=ALWAYS, saying=b"COMMIT"))

    def _deliver(self, _client: socket.socket, server: socket.socket, data: bytes) -> bytes:
        self._losing.add(server)
        return data

    # What happens to everybody

    def go(self, sparing: Set[socket.socket] = frozenset()) -> None:
        """End every connection and refuse new ones, until the server comes back."""
        self.refusing = ALWAYS
        self._hang_up(sparing)

    def come_back(self) -> None:
        self.refusing = 0

    def fall_silent(self) -> None:
        """Let everybody connect, take everything and pass nothing on; who is connected now is never heard again."""
        self._silent |= self._ends
        self._passing.clear()

    def speak(self) -> None:
        self._passing.set()

    def close(self) -> None:
        self._over.set()
        self._passing.set()
        self._listener.shutdown(socket.SHUT_RDWR)  # close() alone would leave accept() waiting
        self._listener.close()
        self._hang_up()  # a server waits a minute for the rest of a login, and nobody drops its databases meanwhile

    def _hang_up(self, sparing: Set[socket.socket] = frozenset()) -> None:
        for end in self._ends - sparing:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

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
        with client, socket.create_connection((self.host, self.target)) as server:
            self._ends |= {client, server}
            if self.refusing == ALWAYS:  # gone while this one connected
                return
            answers = threading.Thread(target=self._pump, args=("answer", server, client), daemon=True)
            answers.start()
            self._pump("request", client, server)
            self._ends -= {client, server}
            answers.join()
            self._losing.discard(server)

    def _pump(self, side: Side, source: socket.socket, sink: socket.socket) -> None:
        passed = 0
        try:
            while self._may_pass(side, source) and (data := source.recv(1 << 16)):
                self._passing.wait()
                if source in self._silent:
                    self._over.wait()
                    break
                if source in self._losing:
                    break
                fault = self._due(side, passed, data)
                changed = fault.act(source, sink, data) if fault else data
                if changed is None:
                    break
                sink.sendall(changed)
                passed += len(data)
        except OSError:
            pass
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _may_pass(self, side: Side, source: socket.socket) -> bool:
        if side == "answer" and self.room <= 0:
            while source in self._ends and not self._over.wait(0.02):
                pass  # a server whose client is gone must not send to nobody for ever
            return False
        return True

    def _due(self, side: Side, passed: int, data: bytes) -> Fault | None:
        with self._guard:
            if side == "answer":
                self.room -= len(data)
            for fault in self.faults:
                due = passed + len(data) > fault.after and fault.saying in data
                if fault.side == side and fault.times > 0 and due:
                    fault.times -= 1
                    return fault
        return None
