"""Which addresses a notifier may reach: a URL that a client has configured must not lead into this network."""

import socket
from collections.abc import Sequence, Set
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeAlias

from common.errors import Forbidden, NotifierFailed
from common.messages import say

Address: TypeAlias = IPv4Address | IPv6Address

METADATA = frozenset(map(ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254")))
"""Where clouds tell a machine its credentials, besides 169.254.169.254, which is link-local."""

NAT64 = ip_network("64:ff9b::/96")
"""An IPv4 address as hosts without IPv4 write it (RFC 6052)."""


def resolve(host: str, port: int, allowed: Set[str]) -> list[str]:
    """The addresses of a host, to connect to one of them and to no other: a second look-up may say something else.

    allowed: hosts that may be in this network. Raises Forbidden if one of the addresses isn't allowed, NotifierFailed
    if there are none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotifierFailed(say("notifier_host_unknown"), can_retry=True) from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    _expect_allowed(addresses, host, allowed)
    return addresses


def expect_no_refused_address(host: str, allowed: Set[str]) -> None:
    """Raise Forbidden for a host that is an address, in any spelling, which may not be reached.

    What a name stands for is looked up at each call alone: until then it may change.
    """
    try:
        found = socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return
    _expect_allowed([str(entry[4][0]) for entry in found], host, allowed)


def _expect_allowed(addresses: Sequence[str], host: str, allowed: Set[str]) -> None:
    inside = host.lower() in allowed
    if not all(may_reach(address, inside=inside) for address in addresses):
        raise Forbidden(say("notifier_host_not_allowed"))


def may_reach(text: str, *, inside: bool) -> bool:
    """Whether an address is on the public internet, or `inside` this network where that is allowed.

    Link-local ones, those of cloud metadata and those of many hosts at once never may.
    """
    address = _meant(ip_address(text.partition("%")[0]))
    if address.is_link_local or address.is_multicast or address.is_unspecified or address in METADATA:
        return False
    return address.is_global or inside


def _meant(address: Address) -> Address:
    """The IPv4 address that an IPv6 address only wraps."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
