"""A TCP relay in front of a server, which cuts, delays, truncates or changes what a test tells it to."""

import socket
import threading
import time
from collections.abc import Callable
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
    """How many connections it still happens to."""


@dataclass
class Relay:
    """Relays any number of connections to a port of this machine."""

    target: int
    accepted: int = 0
    faults: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._guard = threading.Lock()
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
            server = socket.create_connection(("127.0.0.1", self.target))
            for side, source, sink in (("request", client, server), ("answer", server, client)):
                threading.Thread(target=self._pump, args=(side, source, sink), daemon=True).start()

    def _pump(self, side: Side, source: socket.socket, sink: socket.socket) -> None:
        passed = 0
        try:
            while data := source.recv(1 << 16):
                fault = self._due(side, passed, len(data))
                changed = fault.act(source, sink, data) if fault else data
                if changed is None:
                    break
                sink.sendall(changed)
                passed += len(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def _due(self, side: Side, passed: int, more: int) -> Fault | None:
        with self._guard:
            for fault in self.faults:
                if fault.side == side and fault.times > 0 and passed + more > fault.after:
                    fault.times -= 1
                    return fault
        return None
