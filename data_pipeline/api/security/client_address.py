"""The address a request comes from: the connection's, or what a trusted proxy says of it.

A proxy adds the address it was called from to the end of X-Forwarded-For; what stands before it is the client's own
word. So the header is read from its end, for as long as the address reached is a trusted proxy's.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from data_pipeline.proxy_settings import Network

HEADER = "X-Forwarded-For"
MOST_PROXIES = 16
"""In one chain; entries before them aren't read."""

WITH_PORT = re.compile(r"([0-9.]+):[0-9]{1,5}|\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?")
"""Some proxies write the port too."""

CUSTOMER_PREFIX = 64
"""Bits of an IPv6 address that a provider assigns; a client chooses the rest."""


def of(connection: str | None, forwarded: str, trusted: Sequence[Network]) -> str | None:
    """The client's address, by the connection's and the header's value. An entry that is no address ends the chain."""
    client = _read(connection or "")
    for entry in reversed(forwarded.rsplit(",", MOST_PROXIES)[-MOST_PROXIES:]):
        if client is None or not any(client in network for network in trusted):
            break
        named = _read(entry.strip())
        if named is None:
            break
        client = named
    return connection if client is None else str(client)


def group(client: str | None) -> str:
    """What wrong tokens are counted by: an address, or the network that one client has of IPv6."""
    address = _read(client or "")
    if isinstance(address, IPv6Address):
        return str(ip_network((address, CUSTOMER_PREFIX), strict=False))
    return client or ""


def _read(text: str) -> IPv4Address | IPv6Address | None:
    if found := WITH_PORT.fullmatch(text):
        text = found[1] or found[2]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
