"""Settings that are lists separated by commas. What is wrong raises ValueError, its text one clear line."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network


def names(env: Mapping[str, str], name: str) -> frozenset[str]:
    """In small letters."""
    return frozenset(part.lower() for part in _parts(env, name))


def urls(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Of http and https, without a user."""
    found = tuple(_parts(env, name))
    if wrong := next((one for one in found if not one.startswith(("https://", "http://")) or "@" in one), None):
        raise ValueError(f"{name} must be http or https URLs without a user: {wrong!r} is none")
    return found


def networks(env: Mapping[str, str], name: str) -> tuple[Network, ...]:
    """Addresses and networks; never every address, for then each client could choose its own."""
    try:
        found = tuple(ip_network(part) for part in sorted(names(env, name)))
        if not all(network.prefixlen for network in found):
            raise ValueError
    except ValueError:
        raise ValueError(f"{name} must be addresses or networks such as 127.0.0.1,10.1.0.0/16") from None
    return found


def _parts(env: Mapping[str, str], name: str) -> list[str]:
    return [part for part in map(str.strip, env.get(name, "").split(",")) if part]
