"""The page at /openapi/ to read the API's description on and to try it: Swagger UI, from this service alone.

The page that comes with it has its script inside, which a Content-Security-Policy refuses; ours has a file of its own.
"""

from pathlib import Path

from flask import Blueprint, Response, request
from flask_openapi3 import OpenAPI
from flask_openapi3_swagger.plugins import RegisterPlugin as SwaggerUI

DIRECTORY = Path(__file__).parent
NAME = "openapi_explorer"
PAGES = frozenset({NAME, "openapi", "swagger"})
"""The blueprints that serve it and what it loads."""

# Swagger UI writes style attributes and has its icons in data: URLs. It sends nothing to another host.
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"


def set_up(app: OpenAPI) -> None:
    """Serve the description, our page for it, and the files of Swagger UI, whose own page is ours too."""
    page = (DIRECTORY / "page.html").read_text(encoding="utf-8")
    app.config["SWAGGER_HTML_STRING"] = page
    pages = Blueprint("openapi", __name__, url_prefix="/openapi")
    pages.add_url_rule("/openapi.json", "doc_url", lambda: app.api_doc)
    pages.add_url_rule("/", "openapi", lambda: page)
    app.register_blueprint(pages)
    app.register_blueprint(SwaggerUI.register(doc_url="openapi.json"), url_prefix="/openapi")
    app.register_blueprint(
        Blueprint(NAME, __name__, static_folder=str(DIRECTORY), static_url_path="", url_prefix="/openapi/explorer")
    )
    app.after_request(_allow_page)


def _allow_page(response: Response) -> Response:
    if request.blueprint in PAGES and response.mimetype != "application/json":
        response.headers["Content-Security-Policy"] = POLICY
    return response
