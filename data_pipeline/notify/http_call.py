"""One HTTP call to an address that was checked: no proxy, no redirect, and no more than a few seconds."""

import ssl
import threading
from collections.abc import Mapping, Set
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from socket import SHUT_RDWR, create_connection, socket
from types import MappingProxyType
from urllib.parse import SplitResult, urlsplit

from common.errors import InvalidParams, NotifierFailed
from common.messages import say
from data_pipeline.notify import addresses

SCHEMES = {"http": 80, "https": 443}
STEP_SECONDS = 5.0
"""To connect, and for each piece of the answer."""

WHOLE_SECONDS = 15.0
NONE: Mapping[str, str] = MappingProxyType({})


def parse(url: str) -> SplitResult:
    """The parts of an http or https URL. Raises InvalidParams for anything else, and for one with a user in it."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in SCHEMES and parts.hostname and parts.port != 0 and parts.username is None
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidParams(say("notifier_url_invalid"), details={"field": "url"})
    return parts


def call(
    method: str, url: str, allowed: Set[str], body: bytes | None = None, headers: Mapping[str, str] = NONE
) -> None:
    """Send it and look at the status. Raises NotifierFailed unless that is 2xx, Forbidden, InvalidParams."""
    parts = parse(url)
    host, port = str(parts.hostname), parts.port or SCHEMES[parts.scheme]
    found = addresses.resolve(host, port, allowed)
    try:
        status = _status(parts, method, _connected(found, port), body, headers)
    except (OSError, HTTPException):
        raise NotifierFailed(say("notifier_unreachable"), can_retry=True) from None
    if not 200 <= status < 300:
        raise NotifierFailed(say("notifier_answered", status=status), can_retry=True, details={"status": status})


def _connected(found: list[str], port: int) -> socket:
    """To the first of the addresses that answers."""
    for number, address in enumerate(found, 1):
        try:
            return create_connection((address, port), STEP_SECONDS)
        except OSError:
            if number == len(found):
                raise
    raise OSError


def _status(parts: SplitResult, method: str, connected: socket, body: bytes | None, headers: Mapping[str, str]) -> int:
    timer = threading.Timer(WHOLE_SECONDS, _cut, (connected,))
    timer.daemon = True
    timer.start()
    host, port = str(parts.hostname), parts.port or SCHEMES[parts.scheme]
    connection = HTTPSConnection(host, port) if parts.scheme == "https" else HTTPConnection(host, port)
    try:
        if parts.scheme == "https":
            connected = ssl.create_default_context().wrap_socket(connected, server_hostname=host)
        connection.sock = connected
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, body, {"User-Agent": "vector-backup", **headers})
        return connection.getresponse().status
    finally:
        timer.cancel()
        connection.close()
        connected.close()


def _cut(connected: socket) -> None:
    """End a call that goes on for too long, a byte at a time."""
    with suppress(OSError):
        connected.shutdown(SHUT_RDWR)
