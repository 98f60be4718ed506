"""A connection to a Redis server after its handshake: many commands go out together, replies come back in order.

The handshake (TLS, AUTH, SELECT) is redis-py's. Its pipelines cost 10 µs a command, which is more than the server
takes; here a command is packed in one expression, and hiredis parses the replies of a whole batch.
"""

import socket
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from common.errors import DatabaseError
from common.messages import say
from data_pipeline.stores.extras import needed
from data_pipeline.stores.redis.link import faults
from data_pipeline.stores.target import StoreTarget

Word: TypeAlias = bytes | str | int
Command: TypeAlias = Sequence[Word]

EXTRA = "redis"
NAME = "vector-backup"
SILENCE_SECONDS = 10.0
"""A server that says nothing for so long has hung: none of the commands sent here takes a tenth of it."""
CHUNK = 1 << 18


class Wire:
    """Raises DatabaseError where the connection is lost. A refusal is one of many()'s values; others raise it."""

    def __init__(self, handshake: Any, taken: socket.socket) -> None:
        self._handshake = handshake
        self._socket = taken
        self._refusal: type = needed("hiredis", extra=EXTRA).ReplyError
        self._reader = needed("hiredis", extra=EXTRA).Reader()

    def call(self, *command: Word, seconds: float = SILENCE_SECONDS) -> Any:
        """The reply to one command. Raises ServiceError for a refusal."""
        (reply,) = self.each([command], seconds)
        return reply

    def each(self, commands: Sequence[Command], seconds: float = SILENCE_SECONDS) -> list[Any]:
        """The replies to some commands. Raises ServiceError for the first refusal."""
        replies = self.many(commands, seconds)
        for reply, command in zip(replies, commands, strict=True):
            self.expect(reply, command)
        return replies

    def expect(self, reply: Any, command: Command) -> None:
        """Raise ServiceError for a refusal of a command."""
        if isinstance(reply, self._refusal):
            raise faults.refused(str(reply), str(command[0]))

    def many(self, commands: Sequence[Command], seconds: float = SILENCE_SECONDS) -> list[Any]:
        """The same, with refusals among the replies. seconds: how long the server may say nothing."""
        try:
            self._socket.settimeout(seconds)
            self._socket.sendall(b"".join(map(packed, commands)))
            return [self._reply() for _ in commands]
        except TimeoutError:
            self.close()
            raise faults.silent() from None
        except OSError:
            self.close()
            raise faults.lost() from None

    def is_refusal(self, reply: Any) -> bool:
        return isinstance(reply, self._refusal)

    def select(self, database: int) -> None:
        self.call("SELECT", database)

    def close(self) -> None:
        self._handshake.disconnect()

    def _reply(self) -> Any:
        while (reply := self._reader.gets()) is False:
            data = self._socket.recv(CHUNK)
            if not data:
                raise ConnectionError
            self._reader.feed(data)
        return reply


def packed(command: Command) -> bytes:
    """As RESP has it: an array of strings."""
    words = [b"$%d\r\n%b\r\n" % (len(word), word) if type(word) is bytes else _word(word) for word in command]
    return b"*%d\r\n" % len(words) + b"".join(words)


def connect(target: StoreTarget, seconds: float, database: int | None = None) -> Wire:
    """A connection to a target's server, in one of its databases: the one its URL names. Raises ServiceError."""
    kinds = needed("redis", extra=EXTRA).connection
    number = int(target.path or 0) if database is None else database
    login = {"username": target.user or None, "password": target.password, "db": number}
    if target.host.startswith("/"):  # a server of our own
        return _opened(kinds.UnixDomainSocketConnection, {"path": target.host, **login}, seconds)
    kind = kinds.SSLConnection if target.scheme == "rediss" else kinds.Connection
    return _opened(kind, {"host": target.host, "port": target.port or 6379, **login}, seconds)


def _opened(kind: Any, place: dict[str, Any], seconds: float) -> Wire:
    client = needed("redis", extra=EXTRA)

    class Taken(kind):
        """Lets go of the socket that the handshake was made on."""

        def _connect(self) -> socket.socket:
            taken: socket.socket = super()._connect()
            self.taken = taken
            return taken

    made = Taken(
        **place,
        socket_connect_timeout=seconds,
        socket_timeout=max(seconds, SILENCE_SECONDS),
        client_name=NAME,
        protocol=2,
    )
    try:
        made.connect()
    except client.exceptions.AuthenticationError as error:
        raise faults.login_refused(str(error)) from None
    except client.exceptions.ResponseError as error:
        raise faults.refused(str(error), "SELECT") from None
    except (client.exceptions.ConnectionError, client.exceptions.TimeoutError, OSError) as error:
        raise faults.unreachable(str(error)) from None
    except UnicodeError:  # a host or a password that can't be sent
        raise DatabaseError(say("redis_unreachable"), can_retry=False) from None
    return Wire(made, made.taken)


@lru_cache(1024)
def _word(word: Word) -> bytes:
    """Of a text or a number; most are names of commands."""
    text = str(word).encode()
    return b"$%d\r\n%b\r\n" % (len(text), text)
