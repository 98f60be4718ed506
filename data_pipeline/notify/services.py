"""The services that apprise knows and that notifiers may use, by the scheme of their URLs."""

import logging
from collections.abc import Set
from importlib.util import find_spec
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from common.errors import InvalidParams, NotifierFailed, NotifierUnsupported
from common.messages import say
from data_pipeline.notify import addresses
from data_pipeline.notify.message import Notification

HOSTED = frozenset(
    ("slack", "tgram", "discord", "msteams", "wecombot", "dingtalk", "feishu", "lark", "pover", "pagerduty", "opsgenie")
)
"""Each has a host of its own, which no URL changes."""

MAIL = {"mailto": 25, "mailtos": 587}
"""The server is the URL's: it is held to the addresses that a webhook may have."""

TEAMS = {"workflow": (".logic.azure.com", ".api.powerplatform.com")}
TEAMS["workflows"] = TEAMS["workflow"]
"""What became of Teams' webhooks: flows, whose hosts end so."""

SCHEMES = HOSTED | MAIL.keys() | TEAMS.keys()
SECONDS = 20
TRUE = ("yes", "true", "1", "on")


def expect_usable(url: str) -> None:
    """Raise InvalidParams for a service that isn't allowed or a URL it can't have, NotifierUnsupported without
    apprise."""
    parts = _parts(url)
    if parts.scheme not in SCHEMES:
        known = tuple(sorted({*SCHEMES, "http", "https", "ping+https"}))
        raise InvalidParams(say("notifier_service_unknown", known=known), details={"field": "url"})
    host = str(parts.hostname or "").lower()
    if parts.scheme in TEAMS and not host.endswith(TEAMS[parts.scheme]):
        raise InvalidParams(say("notifier_url_invalid"), details={"field": "url"})
    if any(name == "verify" and value.lower() not in TRUE for name, value in parse_qsl(parts.query)):
        raise InvalidParams(say("notifier_url_invalid"), details={"field": "url"})
    if _service(url) is None:
        raise InvalidParams(say("notifier_url_invalid"), details={"field": "url"})


def send(url: str, message: Notification, allowed: Set[str]) -> None:
    """Raises ServiceError."""
    expect_usable(url)
    parts = _parts(url)
    if parts.scheme in MAIL:
        query = dict(parse_qsl(parts.query))
        addresses.resolve(query.get("smtp") or str(parts.hostname), parts.port or MAIL[parts.scheme], allowed)
    if not _service(url).notify(body=message.text, title=message.title):
        raise NotifierFailed(say("notifier_refused", service=parts.scheme), can_retry=True)


def _parts(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        raise InvalidParams(say("notifier_url_invalid"), details={"field": "url"}) from None


def _service(url: str) -> Any:
    """apprise's own of a URL, None if it can't be one."""
    if find_spec("apprise") is None:
        raise NotifierUnsupported(say("notifier_needs_apprise"), can_retry=False)
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # its records quote URLs
    return apprise.Apprise.instantiate(url, suppress_exceptions=True)
