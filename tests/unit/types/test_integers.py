"""Integers, big-endian."""

import pytest

from tests.unit.types.codecs import declines, find, malformed, wire


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("int2", "-32768", "8000"),
        ("int4", "2147483647", "7fffffff"),
        ("int4", "-1", "ffffffff"),
        ("int4", "007", "00000007"),
        ("int8", "-9223372036854775808", "8000000000000000"),
        ("oid", "4294967295", "ffffffff"),
    ],
)
def test_an_integer_has_its_size(name: str, text: str, expected: str) -> None:
    assert wire(name, text) == expected
    assert find(name).shown(bytes.fromhex(expected)) == str(int(text))


@pytest.mark.parametrize("text", ["", " 1", "1 ", "+1", "1_0", "0x1", "1.0", "\u0663", "2147483648", "-2147483649"])
def test_other_forms_and_what_has_no_room_are_left_to_the_server(text: str) -> None:
    declines("int4", text)


def test_an_oid_has_no_sign() -> None:
    declines("oid", "-1")


def test_of_bytes_the_length_is_checked() -> None:
    malformed("int2", "", "00000000")
    malformed("int8", "00000000")
