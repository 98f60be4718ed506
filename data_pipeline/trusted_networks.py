"""Whose X-Forwarded-For is believed, as the environment says it. What is wrong raises ValueError, its text one line."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network


def read(env: Mapping[str, str]) -> tuple[Network, ...]:
    """Addresses and networks; never every address, for then each client could choose its own. Raises ValueError."""
    parts = sorted({part.strip() for part in env.get("TRUSTED_PROXIES", "").split(",")} - {""})
    try:
        found = tuple(ip_network(part) for part in parts)
        if not all(network.prefixlen for network in found):
            raise ValueError
    except ValueError:
        text = "TRUSTED_PROXIES must be addresses or networks such as 127.0.0.1,10.1.0.0/16"
        raise ValueError(text) from None
    return found
