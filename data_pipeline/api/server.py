"""The HTTP server: waitress, with the envelope for what it answers itself, before any route is asked."""

import json
import uuid
from typing import Any, cast

from waitress.channel import HTTPChannel
from waitress.server import MultiSocketServer, create_server
from waitress.task import ErrorTask

from common.errors import InternalError, InvalidParams, PayloadTooLarge, ServiceError
from common.result import error_response
from data_pipeline.api.doors import SECURITY_HEADERS
from data_pipeline.settings import Settings

ROOM_TO_READ = 16
"""How many times the allowed size a body may have to be read and refused by the application, on an open connection."""

CONNECTIONS = 512
"""Open at a time. At the limit nobody is let in, and clients that send half a request and then nothing stay for two
minutes: with waitress' default of 100 a hundred of them shut everybody else out."""


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


class EnvelopeChannel(HTTPChannel):
    """A connection that answers errors in the envelope."""

    error_task_class = EnvelopeErrorTask


def listen(app: Any, settings: Settings) -> Any:
    """A waitress server on HOST and PORT, to be run(). Raises OSError if the address is taken."""
    server: Any = create_server(
        app,
        host=settings.host,
        port=settings.port,
        threads=settings.threads,
        max_request_body_size=settings.max_body_bytes * ROOM_TO_READ,
        ident=None,
        connection_limit=CONNECTIONS,
        asyncore_use_poll=True,  # select() takes no descriptor above 1023
    )
    sockets: list[Any] = list(cast("Any", server).map.values()) if isinstance(server, MultiSocketServer) else [server]
    for socket in sockets:
        socket.channel_class = EnvelopeChannel
    return server


def addresses(server: Any) -> list[tuple[str, int]]:
    """Where it really listens: a name such as localhost can stand for two addresses, port 0 for any."""
    if isinstance(server, MultiSocketServer):
        return list(server.effective_listen)
    return [(server.effective_host, server.effective_port)]


def _as_ours(code: int) -> ServiceError:
    if code == 413:
        return PayloadTooLarge("请求体超过大小限制")
    # 501 is a transfer encoding nobody knows: the request's fault, not the server's.
    return InternalError("系统内部错误") if code == 500 else InvalidParams("请求格式错误")
