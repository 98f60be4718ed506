"""A connection to Redis: what is under way, and in which order replies belong to it."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from common.errors import DatabaseError
from data_pipeline.stores.redis.link.wire import Wire


class Handshake:
    """What redis-py leaves behind."""

    def __init__(self, taken: socket.socket) -> None:
        self._taken = taken

    def disconnect(self) -> None:
        self._taken.close()


@pytest.fixture
def ends() -> Iterator[tuple[Wire, socket.socket]]:
    """A connection, and the server's end of it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Wire(Handshake(ours), ours), theirs


def test_commands_go_out_as_resp_has_them(ends: tuple[Wire, socket.socket]) -> None:
    wire, server = ends
    wire.send([("GET", b"a\r\n\0"), ("PEXPIRE", "文", 60_000)])
    expected = b"*2\r\n$3\r\nGET\r\n$4\r\na\r\n\0\r\n*3\r\n$7\r\nPEXPIRE\r\n$3\r\n\xe6\x96\x87\r\n$5\r\n60000\r\n"
    assert server.recv(1000) == expected


def test_replies_belong_to_what_was_sent_first_in_whichever_order_they_are_asked_for(
    ends: tuple[Wire, socket.socket],
) -> None:
    wire, server = ends
    first, second = wire.send([("GET", "a"), ("GET", "b")]), wire.send([("GET", "c")])
    server.sendall(b"+a\r\n-ERR no\r\n$1\r\nc\r\n")
    assert second.replies() == [b"c"]
    found, refused = first.replies()
    assert (found, wire.is_refusal(refused)) == (b"a", True)


def test_the_next_commands_are_under_way_before_replies_are_looked_at(ends: tuple[Wire, socket.socket]) -> None:
    wire, server = ends
    server.sendall(b":1\r\n:2\r\n:3\r\n")
    sent: list[int] = []

    def commands(number: int) -> list[Any]:
        sent.append(number)
        return [("GET", number)]

    seen = [(number, replies, list(sent)) for number, replies in wire.ahead([1, 2, 3], commands)]
    assert seen == [(1, [1], [1, 2]), (2, [2], [1, 2, 3]), (3, [3], [1, 2, 3])]
    assert list(wire.ahead([], commands)) == []


def test_what_is_under_way_is_waited_for(ends: tuple[Wire, socket.socket]) -> None:
    wire, server = ends
    sent = wire.send([("SET", "a", 1)])
    server.sendall(b"+OK\r\n")
    wire.settle()
    server.close()
    assert sent.replies() == [b"OK"]


def test_a_lost_connection_loses_all_that_is_under_way(ends: tuple[Wire, socket.socket]) -> None:
    wire, server = ends
    first, second = wire.send([("SET", "a", 1)]), wire.send([("SET", "b", 1)])
    server.close()
    for sent in (first, second):
        with pytest.raises(DatabaseError):
            sent.replies()
    wire.settle()
