"""A connection to a Redis server after its handshake: many commands go out together, replies come back in order.

The handshake (TLS, AUTH, SELECT) is redis-py's. Its pipelines cost 10 µs a command, which is more than the server
takes; here hiredis packs commands and parses the replies of a whole batch, and the next batch is under way meanwhile.
"""

import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar

from common.errors import DatabaseError, ServiceError
from common.messages import say
from data_pipeline.stores.extras import needed
from data_pipeline.stores.redis.link import faults
from data_pipeline.stores.target import StoreTarget

Word: TypeAlias = bytes | str | int
Command: TypeAlias = tuple[Word, ...]
T = TypeVar("T")

EXTRA = "redis"
NAME = "vector-backup"
SILENCE_SECONDS = 10.0
"""A server that says nothing for so long has hung: none of the commands sent here takes a tenth of it."""
CHUNK = 1 << 16
"""What is received at a time: for each kilobyte that hiredis has parsed, it moves what is left of it."""


class Sent:
    """Commands under way. seconds: how long the server may say nothing."""

    def __init__(self, wire: "Wire", count: int, seconds: float) -> None:
        self._wire = wire
        self._arrived: list[Any] | None = None
        self.count = count
        self.seconds = seconds

    def replies(self) -> list[Any]:
        """Wait for them, and for those of what was sent before."""
        while self._arrived is None:
            self._wire.receive()
        return self._arrived

    def arrived(self, replies: list[Any]) -> None:
        self._arrived = replies


class Wire:
    """Raises DatabaseError where the connection is lost. A refusal is one of many()'s values; others raise it."""

    def __init__(self, handshake: Any, taken: socket.socket) -> None:
        hiredis = needed("hiredis", extra=EXTRA)
        self._handshake = handshake
        self._socket = taken
        self._refusal: type = hiredis.ReplyError
        self._reader = hiredis.Reader()
        self._packed: Callable[[Command], bytes] = hiredis.pack_command
        self._under_way: deque[Sent] = deque()

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
        return self.send(commands, seconds).replies()

    def send(self, commands: Iterable[Command], seconds: float = SILENCE_SECONDS) -> Sent:
        """Send commands and go on: the server works meanwhile."""
        packed = [*map(self._packed, commands)]
        self._guarded(seconds, lambda: self._socket.sendall(b"".join(packed)))
        sent = Sent(self, len(packed), seconds)
        self._under_way.append(sent)
        return sent

    def ahead(self, items: Iterable[T], commands: Callable[[T], Iterable[Command]]) -> Iterator[tuple[T, list[Any]]]:
        """Each item with the replies to its commands, those of the next one being under way already."""
        before: tuple[T, Sent] | None = None
        for item in items:
            sent = self.send(commands(item))
            if before:
                yield before[0], before[1].replies()
            before = item, sent
        if before:
            yield before[0], before[1].replies()

    def receive(self) -> None:
        """Wait for the replies to what was sent first of all that is under way."""
        if not self._under_way:  # it was lost
            raise faults.lost()
        sent = self._under_way.popleft()
        self._guarded(sent.seconds, lambda: sent.arrived([self._reply() for _ in range(sent.count)]))

    def settle(self) -> None:
        """Wait until nothing is under way any more, or the connection is lost."""
        with suppress(ServiceError):
            while self._under_way:
                self.receive()

    def _guarded(self, seconds: float, work: Callable[[], None]) -> None:
        try:
            self._socket.settimeout(seconds)
            work()
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
        self._under_way.clear()
        self._handshake.disconnect()

    def _reply(self) -> Any:
        while (reply := self._reader.gets()) is False:
            data = self._socket.recv(CHUNK)
            if not data:
                raise ConnectionError
            self._reader.feed(data)
        return reply


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
