"""The panel's page and its static files, which are the same for every client and tell nothing."""

from pathlib import Path

from flask import Blueprint, Response, abort, send_from_directory

STATIC = Path(__file__).parent / "static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
"""Not what the system takes them for: a browser runs no module that is called text/plain."""

POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


def url(host: str, port: int) -> str:
    """Where a browser on this machine finds the page, given an address that the service listens on."""
    here = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, host)  # noqa: S104
    return f"http://{f'[{here}]' if ':' in here else here}:{port}/"


def pages() -> Blueprint:
    """The page at `/`, its files at `/panel/…`."""
    blueprint = Blueprint("panel", __name__)
    blueprint.add_url_rule("/", "page", lambda: send_from_directory(STATIC, "index.html", mimetype="text/html"))
    blueprint.add_url_rule("/panel/<name>", "file", _file)
    blueprint.after_request(_add_policy)
    return blueprint


def _file(name: str) -> Response:
    mimetype = TYPES.get(Path(name).suffix)
    if mimetype is None:
        abort(404)
    return send_from_directory(STATIC, name, mimetype=mimetype)


def _add_policy(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    return response
