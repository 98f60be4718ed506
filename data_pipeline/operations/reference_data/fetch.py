"""A file of reference data from a URL that the environment allows."""

import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from common.errors import Forbidden, InvalidParams, PayloadTooLarge, ServiceUnavailable
from common.messages import say

LARGEST = 8 << 20
"""Bytes of a file, fetched or uploaded: it is merged as a whole in memory."""

STEP_SECONDS = 15.0
"""To connect, and for each piece of the answer."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What is allowed is the URL, not where its server points to."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None


def expect_allowed(url: str, allowed: Sequence[str]) -> None:
    """Raise InvalidParams for what is no URL of a file, Forbidden for one that is neither allowed nor below one that
    is and ends with a slash."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.username is None and not parts.fragment
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise InvalidParams(say("import_url_invalid"), details={"field": "url"})
    below = any(one.endswith("/") and url.startswith(one) for one in allowed)
    if ".." in parts.path or "%2e" in parts.path.lower() or not (below or url in allowed):
        raise Forbidden(say("import_url_not_allowed"))


def fetch(url: str, allowed: Sequence[str]) -> bytes:
    """The file. Raises ServiceUnavailable unless it is answered with 200, PayloadTooLarge."""
    expect_allowed(url, allowed)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
    request = urllib.request.Request(url, headers={"User-Agent": "vector-backup"})  # noqa: S310 - of http alone
    try:
        with opener.open(request, timeout=STEP_SECONDS) as answer:
            if answer.status != 200:
                raise _failed(answer.status)
            data: bytes = answer.read(LARGEST + 1)
    except urllib.error.HTTPError as error:
        with error:
            raise _failed(error.code) from None
    except (OSError, HTTPException):
        raise ServiceUnavailable(say("import_url_unreachable"), can_retry=True) from None
    if len(data) > LARGEST:
        raise PayloadTooLarge(say("reference_too_large", most=LARGEST >> 20))
    return data


def _failed(status: int) -> ServiceUnavailable:
    return ServiceUnavailable(say("import_url_answered", status=status), can_retry=True, details={"status": status})
