"""A webhook of one's own: a signed POST of JSON; and a URL that is only called, for a dead man's switch."""

import hashlib
import hmac
import json
import time
from collections.abc import Set

from data_pipeline.notify import http_call
from data_pipeline.notify.message import Notification

TIMESTAMP, SIGNATURE, DELIVERY = "X-Vector-Timestamp", "X-Vector-Signature", "X-Vector-Delivery"
PING = "ping+"
"""Before the scheme of a URL that is called with GET, without a word."""


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """`sha256=` and the HMAC of timestamp, dot and body: a receiver that compares both knows who sent it, and when."""
    return f"sha256={hmac.new(secret.encode(), timestamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"


def post(url: str, secret: str | None, message: Notification, allowed: Set[str]) -> None:
    """Raises ServiceError."""
    body = json.dumps(message.public(), ensure_ascii=False).encode()
    timestamp = str(int(time.time()))
    headers = {"Content-Type": "application/json; charset=utf-8", TIMESTAMP: timestamp, DELIVERY: message.id}
    if secret is not None:
        headers[SIGNATURE] = signature(secret, timestamp, body)
    http_call.call("POST", url, allowed, body, headers)


def ping(url: str, allowed: Set[str]) -> None:
    """Raises ServiceError."""
    http_call.call("GET", url.removeprefix(PING), allowed)
