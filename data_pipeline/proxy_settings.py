"""Which proxies the service stands behind."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network
NAME = "TRUSTED_PROXIES"


def read(env: Mapping[str, str]) -> tuple[Network, ...]:
    """Addresses and networks; never every address, for then each client could choose its own. Raises ValueError, its
    text one clear line."""
    try:
        found = tuple(ip_network(part) for part in sorted(filter(None, map(str.strip, env.get(NAME, "").split(",")))))
        if not all(network.prefixlen for network in found):
            raise ValueError
    except ValueError:
        raise ValueError(f"{NAME} must be addresses or networks such as 127.0.0.1,10.1.0.0/16") from None
    return found
