"""The panel's page and its static files, which are the same for everybody and tell nothing, and the routes it needs."""

from pathlib import Path

from flask import Blueprint, Response, abort, jsonify, send_from_directory
from flask_openapi3 import OpenAPI

from common.result import success_response
from data_pipeline.api.operating import configuration
from data_pipeline.api.requests.bodies import PREFIX, SignInBody
from data_pipeline.api.security.sign_in import SignIn
from data_pipeline.api.security.throttle import Throttle
from data_pipeline.engine import Engine

STATIC = Path(__file__).parent / "static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
"""Not what the system takes them for: a browser runs no module that is called text/plain."""

POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


def add_panel(app: OpenAPI, engine: Engine, throttle: Throttle) -> None:
    """Add the page at `/`, its files at `/panel/…`, and the routes about the session and the settings."""
    app.register_blueprint(_pages())
    sessions = SignIn(engine.settings, throttle)

    @app.get(f"{PREFIX}/settings", summary="Show the settings, without secrets")
    def show_settings() -> Response:
        found = configuration.describe(engine)
        return jsonify(success_response(found.pop("response"), found))

    @app.get(f"{PREFIX}/session", summary="Show the panel's session")
    def show_session() -> Response:
        return sessions.show()

    @app.post(f"{PREFIX}/session", summary="Sign in to the panel")
    def sign_in(body: SignInBody) -> Response:
        return sessions.begin(body.token)

    @app.delete(f"{PREFIX}/session", summary="Sign out of the panel")
    def sign_out() -> Response:
        return sessions.end()


def _pages() -> Blueprint:
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
