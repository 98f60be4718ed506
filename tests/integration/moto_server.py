"""moto's server, whose conditional writes are made atomic: moto looks whether a key is there, and then writes it.

Of two writers at once both would be told that they made a new object. S3 tells one of them so.
"""

import io
import threading
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

CONDITIONS = {"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"}


class AtomicWrites:
    """One conditional write, or one delete, at a time. A body is here before its turn comes: it may be slow."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._turn = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        method = environ["REQUEST_METHOD"]
        if method != "DELETE" and (method != "PUT" or CONDITIONS.isdisjoint(environ)):
            return self._application(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        with self._turn:
            return self._application(environ | {"wsgi.input": io.BytesIO(body)}, start_response)


if __name__ == "__main__":
    application = AtomicWrites(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
