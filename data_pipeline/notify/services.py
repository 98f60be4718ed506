"""The services that apprise knows and that notifiers may use, by the scheme of their URLs."""

import logging
import re
from collections.abc import Set
from importlib.util import find_spec
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from common.errors import InvalidParams, NotifierFailed, NotifierUnsupported
from common.messages import say
from data_pipeline.notify import addresses
from data_pipeline.notify.message import Notification

HOSTED = frozenset(
    ("slack", "tgram", "discord", "wecombot", "dingtalk", "feishu", "lark", "pover", "pagerduty", "opsgenie")
)
"""Each has a host of its own, which no URL changes."""

MAIL = frozenset({"mailto", "mailtos"})
"""The server is the URL's: it is held to the addresses that a webhook may have."""

TEAMS = {"workflow": (".logic.azure.com", ".api.powerplatform.com")}
TEAMS["workflows"] = TEAMS["workflow"]
"""What became of Teams' webhooks: flows, whose hosts end so."""

SCHEMES = HOSTED | MAIL | TEAMS.keys()
HOST = re.compile(r"[a-z0-9.-]+")
TRUE = ("yes", "true", "1", "on")


def expect_usable(url: str) -> None:
    """Raise InvalidParams for a service that isn't allowed or a URL it can't have, NotifierUnsupported without
    apprise."""
    parts = _parts(url)
    if parts.scheme not in SCHEMES:
        known = tuple(sorted({*SCHEMES, "http", "https", "ping+https"}))
        raise InvalidParams(say("notifier_service_unknown", known=known), details={"field": "url"})
    if parts.scheme in TEAMS and not (HOST.fullmatch(parts.netloc) and parts.netloc.endswith(TEAMS[parts.scheme])):
        raise InvalidParams(say("notifier_url_invalid"), details={"field": "url"})
    if any(name == "verify" and value.lower() not in TRUE for name, value in parse_qsl(parts.query)):
        raise InvalidParams(say("notifier_url_invalid"), details={"field": "url"})
    _service(url)


def send(url: str, message: Notification, allowed: Set[str]) -> None:
    """Raises ServiceError."""
    expect_usable(url)
    service, scheme = _service(url), _parts(url).scheme
    if scheme in MAIL:  # by what apprise itself makes of the URL
        addresses.resolve(str(service.smtp_host), int(service.port), allowed)
    if not service.notify(body=message.text, title=message.title):
        raise NotifierFailed(say("notifier_refused", service=scheme), can_retry=True)


def _parts(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        raise InvalidParams(say("notifier_url_invalid"), details={"field": "url"}) from None


def _service(url: str) -> Any:
    """apprise's own of a URL."""
    if find_spec("apprise") is None:
        raise NotifierUnsupported(say("notifier_needs_apprise"), can_retry=False)
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # its records quote URLs
    service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if service is None:
        raise InvalidParams(say("notifier_url_invalid"), details={"field": "url"})
    return service
