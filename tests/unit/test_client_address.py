"""The client's address: the connection's, or what trusted proxies say, and never the client's own word."""

from ipaddress import ip_network

import pytest

from data_pipeline.api.security import client_address

PROXIES = tuple(map(ip_network, ("127.0.0.1", "10.1.0.0/16", "fd00::/8")))


@pytest.mark.parametrize(
    ("connection", "forwarded", "client"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),  # no proxy of ours: what it writes is its own word
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "1.1.1.1, 198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "1.1.1.1, 198.51.100.7, 10.1.2.3", "198.51.100.7"),
        ("127.0.0.1", "10.1.2.3,10.1.9.9", "10.1.2.3"),
        ("127.0.0.1", "198.51.100.7, unknown", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.7, 10.1.2.3, ", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.7:4711", "198.51.100.7"),
        ("127.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:127.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
        ("fd00::1", "2001:db8::1", "2001:db8::1"),
        ("127.0.0.1", ", ".join(["198.51.100.7", *["10.1.2.3"] * 40]), "10.1.2.3"),
        ("", "198.51.100.7", ""),
        (None, "198.51.100.7", None),
    ],
)
def test_the_address_a_trusted_proxy_was_called_from(
    connection: str | None, forwarded: str, client: str | None
) -> None:
    assert client_address.of(connection, forwarded, PROXIES) == client


def test_without_trusted_proxies_the_connection_decides() -> None:
    assert client_address.of("127.0.0.1", "198.51.100.7", ()) == "127.0.0.1"


def test_one_client_of_ipv6_has_many_addresses_and_one_group() -> None:
    assert client_address.group("2001:db8::1") == client_address.group("2001:db8::ffff:1") == "2001:db8::/64"
    assert client_address.group("2001:db8:0:1::1") != client_address.group("2001:db8::1")
    assert [client_address.group(one) for one in ("192.0.2.1", "", None)] == ["192.0.2.1", "", ""]
