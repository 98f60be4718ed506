"""The language a client reads: Chinese unless its Accept-Language prefers English."""

from typing import Any

from flask import Flask, Response, has_request_context, request
from flask.json.provider import DefaultJSONProvider

from common.messages import CATALOGUES, LANGUAGE, translated


def preferred() -> str:
    """That of the current request, or of all answers outside of one."""
    if not has_request_context():
        return LANGUAGE
    for tag, quality in request.accept_languages:  # the best first
        name = tag.partition("-")[0].lower()
        if quality > 0 and (name in CATALOGUES or tag == "*"):
            return name if name in CATALOGUES else LANGUAGE
    return LANGUAGE


class Translating(DefaultJSONProvider):
    """JSON as it is sent: unescaped, keys in their order, messages in the client's language."""

    ensure_ascii = False
    sort_keys = False

    def dumps(self, obj: Any, **options: Any) -> str:
        language = preferred()
        return super().dumps(obj if language == LANGUAGE else translated(obj, language), **options)


def set_up(app: Flask) -> None:
    """Give an app the JSON style, and have its answers say what their language depends on, and which it is."""
    app.json = Translating(app)
    app.after_request(_label)


def _label(response: Response) -> Response:
    if response.mimetype in ("application/json", "text/event-stream"):
        response.vary.add("Accept-Language")  # a cache between keeps an answer for readers of its language only
        if (language := preferred()) != LANGUAGE:
            response.content_language.add(language)
    return response
