"""From a notifier's URL to the way a message goes."""

from collections.abc import Set

from common.errors import NotifierFailed
from common.messages import say
from data_pipeline.notify import addresses, http_call, services, webhook
from data_pipeline.notify.message import Notification
from data_pipeline.notify.webhook import PING


def expect_usable(url: str, allowed: Set[str]) -> None:
    """Raise ServiceError for a URL that no message can go to; it isn't called."""
    if url.startswith((PING, "http://", "https://")):
        parts = http_call.parse(url.removeprefix(PING))
        addresses.expect_no_refused_address(str(parts.hostname), allowed)
    else:
        services.expect_usable(url)


def send(url: str, secret: str | None, message: Notification, allowed: Set[str]) -> None:
    """Send it, once. allowed: hosts of this network that may be reached. Raises ServiceError."""
    if url.startswith(PING):
        webhook.ping(url, allowed)
    elif url.startswith(("http://", "https://")):
        webhook.post(url, secret, message, allowed)
    else:
        services.send(url, message, allowed)


def failure() -> NotifierFailed:
    """What can be said of one that failed in a way that isn't foreseen."""
    return NotifierFailed(say("notifier_failed"), can_retry=True)


def only_pings(url: str) -> bool:
    """Whether it is a dead man's switch: it is called after each success, and has nothing to be told."""
    return url.startswith(PING)
