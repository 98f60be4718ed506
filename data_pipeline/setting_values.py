"""Single settings read: names, addresses, secrets."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

SHORTEST_TOKEN = 16
SHORTEST_KEY = 32
Network: TypeAlias = IPv4Network | IPv6Network


class SettingsError(Exception):
    """A setting has a value that can't be used; the text is one clear line."""


def names(env: Mapping[str, str], name: str) -> frozenset[str]:
    """A list separated by commas."""
    found = (part.strip().lower() for part in env.get(name, "").split(","))
    return frozenset(part for part in found if part)


def networks(env: Mapping[str, str], name: str) -> tuple[Network, ...]:
    """Addresses and networks; never every address, for then each client could choose its own."""
    try:
        found = tuple(ip_network(part) for part in sorted(names(env, name)))
        if not all(network.prefixlen for network in found):
            raise ValueError
    except ValueError:
        raise SettingsError(f"{name} must be addresses or networks such as 127.0.0.1,10.1.0.0/16") from None
    return found


def secret_keys(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    keys = tuple(key for key in env.get(name, "").split(",") if key)
    if not all(len(key) >= SHORTEST_KEY and key.isascii() and key.isprintable() and " " not in key for key in keys):
        raise SettingsError(f"{name} must be keys of at least {SHORTEST_KEY} ASCII characters, separated by commas")
    return keys


def token(env: Mapping[str, str], name: str) -> str | None:
    token = env.get(name) or None
    if token and not (len(token) >= SHORTEST_TOKEN and token.isascii() and token.isprintable() and " " not in token):
        raise SettingsError(f"{name} must be at least {SHORTEST_TOKEN} ASCII characters without spaces")
    return token
