"""The HTTP server: waitress, with the envelope for what it answers itself, before any route is asked."""

import copy
import json
import re
import uuid
from contextlib import suppress
from errno import EADDRINUSE, EDQUOT, ENOSPC
from functools import partial
from socket import SHUT_RDWR
from typing import Any, cast

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import MultiSocketServer, create_server
from waitress.task import ErrorTask
from waitress.utilities import Error
from werkzeug.http import parse_cookie

from common.errors import InternalError, InvalidParams, PayloadTooLarge, ServiceError, StorageFull
from common.messages import say
from common.result import error_response
from data_pipeline.api import policy
from data_pipeline.api.security.access import SECURITY_HEADERS
from data_pipeline.api.security.identity import Identity
from data_pipeline.api.security.session import COOKIE
from data_pipeline.settings import Settings

ROOM_TO_READ = 16
"""How many times the allowed size a body may have to be read and refused by the application, on an open connection."""

CONNECTIONS = 512
"""Open at a time. At the limit no client is let in, and clients that send half a request and then nothing stay for two
minutes: with waitress' default of 100 a hundred of them shut all others out."""

FORM_ROOM = 64 << 10
"""Of a form around the file that it uploads: its other fields, and the lines between them."""

UNSENT_BYTES = 1 << 20
"""Of an answer, waiting for a client to take them, in memory; a download goes on when there are fewer."""


NO_ROOM = (ENOSPC, EDQUOT)

REQUEST_ID = re.compile(rb"^request_id:", re.IGNORECASE | re.MULTILINE)
"""How clients of milvus-backup name a request. Waitress drops headers with an underscore in their names."""

TLS_HANDSHAKE = b"\x16"
"""The first byte of every TLS connection (RFC 8446, 5.1), and of no HTTP request."""


class EnvelopeErrorTask(ErrorTask):
    """An answer to a request that is no HTTP, or far too large."""

    def execute(self) -> None:
        error = _as_ours(cast("Any", self.request).error.code)
        body = json.dumps(error_response(error), ensure_ascii=False).encode()
        self.status = f"{error.status} {error.error_type}"
        self.response_headers = [
            ("Content-Type", "application/json"),
            ("X-Request-ID", uuid.uuid4().hex),
            *SECURITY_HEADERS.items(),
        ]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class NoRoom(Error):
    """The body found no room on the disk, where a large one waits for its route."""

    code = StorageFull.status
    reason = "Insufficient Storage"


class Nowhere:
    """A buffer for the rest of a body that is refused: a client takes the answer once it has sent everything."""

    def append(self, _data: bytes) -> None:
        """Keep nothing of it."""

    def __len__(self) -> int:
        return 0

    def close(self) -> None:
        """There is nothing to close."""


class SizedParser(HTTPRequestParser):
    """A request whose body may be as large as what it asks for allows: only an upload may be large.

    Waitress takes in a whole body, on the disk when it is large, before a route is asked; so which client may send
    a large one is decided here, as soon as the headers are there.
    """

    settings: Settings
    identity: Identity
    uploads: frozenset[tuple[str, str]]
    full = False

    def received(self, data: bytes) -> int:
        """Take some bytes in; without room for them the request is read to its end, and answered 507."""
        try:
            consumed = int(super().received(data))
        except OSError as error:
            if error.errno not in NO_ROOM or self.full:
                raise
            self.full = True
            self._forget_body()
            if self.chunked:  # where the next chunk begins is lost with the exception
                self.completed, consumed = True, len(data)
            else:
                consumed = int(super().received(data))
        if self.full and self.completed:
            self.error = NoRoom("no room for the body")
        return consumed

    def _forget_body(self) -> None:
        body = cast("Any", self.body_rcv)
        with suppress(OSError):  # what was not written yet finds no room now either
            body.buf.close()
        body.buf = Nowhere()

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(REQUEST_ID.sub(b"Request-Id:", header_plus))
        except ValueError as error:  # half an IPv6 address, a length of thousands of digits: waitress lets it through
            raise ParsingError("the request line or a length can't be read") from error
        limit = self.settings.max_body_bytes * ROOM_TO_READ
        asked = cast("Any", self)
        if (asked.command, asked.path) in self.uploads and self._may_write():
            limit = max(limit, self.settings.upload_max_bytes + FORM_ROOM)
        self.adj = copy.copy(self.adj)
        self.adj.max_request_body_size = limit

    def _may_write(self) -> bool:
        cookie = parse_cookie(self.headers.get("COOKIE", "")).get(COOKIE)
        return self.identity.may_upload(self.headers.get("AUTHORIZATION", ""), cookie)


class EnvelopeChannel(HTTPChannel):
    """A connection that answers errors in the envelope."""

    error_task_class = EnvelopeErrorTask

    def received(self, data: bytes) -> bool:
        """A client that speaks TLS is answered in plain HTTP, which it calls a wrong version, rather than never."""
        if data.startswith(TLS_HANDSHAKE) and self.request is None:
            data = TLS_HANDSHAKE + b"\r\n\r\n"
        return bool(super().received(data))


def listen(app: Any, settings: Settings) -> Any:
    """A waitress server on HOST and PORT, to be run(). Raises OSError, naming both, if it can't listen there."""
    server = _open(app, settings)
    uploads = frozenset(("POST", rule) for rule, route in policy.routes(app) if route.uploads)
    parser = type(
        "Parser",
        (SizedParser,),
        {"settings": settings, "uploads": uploads, "identity": app.extensions["identity"]},
    )
    sockets: list[Any] = list(cast("Any", server).map.values()) if isinstance(server, MultiSocketServer) else [server]
    for socket in sockets:
        socket.channel_class = type("Channel", (EnvelopeChannel,), {"parser_class": parser})
        socket.maintenance = partial(_maintain, socket)
    return server


def _open(app: Any, settings: Settings) -> Any:
    try:
        return create_server(
            app,
            host=settings.host,
            port=settings.port,
            threads=settings.threads,
            outbuf_high_watermark=UNSENT_BYTES,
            outbuf_overflow=UNSENT_BYTES * 4,
            ident=None,
            connection_limit=CONNECTIONS,
            clear_untrusted_proxy_headers=False,  # client_address.py knows which proxies are trusted
            asyncore_use_poll=True,  # select() takes no descriptor above 1023
        )
    except (OSError, ValueError) as error:  # ValueError: waitress doesn't know the host
        why = error.strerror if isinstance(error, OSError) else "no such host"
        if isinstance(error, OSError) and error.errno == EADDRINUSE:
            why = f"{why}; does the service run already? PORT chooses another port"
        raise OSError(f"can't listen on HOST {settings.host}, PORT {settings.port}: {why}") from None


def _maintain(socket: Any, now: float) -> None:
    """Beside idle connections, close those that take nothing of an answer any more: each of them keeps a thread."""
    type(socket).maintenance(socket, now)
    for channel in socket.active_channels.values():
        if channel.total_outbufs_len and channel.last_activity < now - socket.adj.channel_timeout:
            channel.will_close = True
            with suppress(OSError):  # its socket has no room: waitress would not look at it before it had
                channel.socket.shutdown(SHUT_RDWR)


def addresses(server: Any) -> list[tuple[str, int]]:
    """Where it really listens: a name such as localhost can stand for two addresses, port 0 for any."""
    if isinstance(server, MultiSocketServer):
        return list(server.effective_listen)
    return [(server.effective_host, server.effective_port)]


def _as_ours(code: int) -> ServiceError:
    if code == StorageFull.status:
        return StorageFull(say("upload_storage_full"), can_retry=True)
    if code == 413:
        return PayloadTooLarge(say("body_too_large"))
    # 501 is an unknown transfer encoding: the request's fault, not the server's.
    return InternalError(say("internal_error")) if code == 500 else InvalidParams(say("request_malformed"))
