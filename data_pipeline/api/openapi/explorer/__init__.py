"""The page at /openapi/ to read the API's description on and to try it: Swagger UI, from this service alone.

The page that comes with it has its script inside, which a Content-Security-Policy refuses; ours has a file of its own.
"""

from pathlib import Path

from flask import Blueprint, Flask, Response, request

DIRECTORY = Path(__file__).parent
NAME = "openapi_explorer"
PAGES = frozenset({NAME, "openapi", "swagger"})
"""The blueprints that serve it and what it loads."""

# Swagger UI writes style attributes and has its icons in data: URLs. It sends nothing to anybody else.
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"


def set_up(app: Flask) -> None:
    """Put our page in place of both that flask-openapi3 has: its list of such pages, and its Swagger UI."""
    page = (DIRECTORY / "page.html").read_text(encoding="utf-8")
    app.config["OPENAPI_HTML_STRING"] = app.config["SWAGGER_HTML_STRING"] = page
    app.register_blueprint(
        Blueprint(NAME, __name__, static_folder=str(DIRECTORY), static_url_path="", url_prefix="/openapi/explorer")
    )
    app.after_request(_allow_page)


def _allow_page(response: Response) -> Response:
    if request.blueprint in PAGES and response.mimetype != "application/json":
        response.headers["Content-Security-Policy"] = POLICY
    return response
