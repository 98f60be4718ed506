"""A TCP relay in front of a server, which cuts, delays, truncates or changes what a test tells it to."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

Side = Literal["request", "answer"]


@dataclass
class Fault:
    """Something done to the bytes of one side, once a connection has carried so many of them."""

    side: Side
    after: int
    act: Callable[[socket.socket, socket.socket, bytes], bytes | None]
    """From both ends and the bytes to those passed on instead; None ends the connection."""
    times: float = 1
    """How often it still happens."""
    saying: bytes = b""
    """Only to bytes that hold these."""


@dataclass
class Relay:
    """Relays any number of connections to a port of this machine."""

    target: int
    accepted: int = 0
    faults: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._guard = threading.Lock()
        self._losing: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def cut(self, side: Side, after: int, times: float = 1) -> None:
        """Close the connection once so many bytes have passed."""
        self.faults.append(Fault(side, after, lambda _from, _to, _data: None, times))

    def delay(self, side: Side, after: int, seconds: float) -> None:
        """Keep the bytes back for a while."""

        def wait(_from: socket.socket, _to: socket.socket, data: bytes) -> bytes:
            time.sleep(seconds)
            return data

        self.faults.append(Fault(side, after, wait))

    def flip(self, side: Side, after: int, times: float = 1) -> None:
        """Change one bit of what comes next."""
        self.faults.append(Fault(side, after, lambda _from, _to, data: bytes([data[0] ^ 1]) + data[1:], times))

    def replace(self, old: bytes, new: bytes) -> None:
        """Change requests that say something, each time."""
        self.faults.append(Fault("request", -1, lambda _from, _to, data: data.replace(old, new), float("inf")))

    def lose_answer(self, request: bytes) -> None:
        """Deliver a request that begins so, and lose the answer to it together with the connection."""

        def mark(_from: socket.socket, to: socket.socket, data: bytes) -> bytes:
            self._losing.add(to)
            return data

        self.faults.append(Fault("request", -1, mark, saying=request))

    def refuse(self, times: float) -> None:
        """Close so many connections before they have carried anything."""
        self.cut("request", 0, times)

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
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self.target)) as server:
            answers = threading.Thread(target=self._pump, args=("answer", server, client), daemon=True)
            answers.start()
            self._pump("request", client, server)
            answers.join()
            self._losing.discard(server)

    def _pump(self, side: Side, source: socket.socket, sink: socket.socket) -> None:
        passed = 0
        try:
            while data := source.recv(1 << 16):
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

    def _due(self, side: Side, passed: int, data: bytes) -> Fault | None:
        with self._guard:
            for fault in self.faults:
                due = passed + len(data) > fault.after and fault.saying in data
                if fault.side == side and fault.times > 0 and due:
                    fault.times -= 1
                    return fault
        return None
