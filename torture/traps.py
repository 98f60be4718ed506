"""What a request may be lured to: a server that asks for a password and writes down what it gets, and a black hole."""

import socket
import struct
import threading
from contextlib import suppress

CLEARTEXT_PASSWORD = struct.pack(">cii", b"R", 8, 3)
"""AuthenticationCleartextPassword of PostgreSQL's protocol: the client is to send its password as it is."""

SSL_REQUEST = struct.pack(">ii", 8, 80877103)


class Trap:
    """A listener that takes whatever comes. A polite one asks for the password as PostgreSQL would."""

    def __init__(self, polite: bool) -> None:
        self.received = b""
        self._polite = polite
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for connection in (self._listener, *self._open):
            with suppress(OSError):
                connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with suppress(OSError):
            while data := connection.recv(4096):
                self.received += data
                if self._polite:
                    connection.sendall(b"N" if data == SSL_REQUEST else CLEARTEXT_PASSWORD)
                    if data.startswith(b"p"):
                        connection.close()
