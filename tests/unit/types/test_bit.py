"""Bit strings: how many, and the bits, filled up with zeros."""

import pytest

from tests.unit.types.codecs import declines, find, malformed, wire


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "00000000"),
        ("1", "0000000180"),
        ("0000", "0000000400"),
        ("10100101", "00000008a5"),
        ("101001011", "00000009a580"),
    ],
)
def test_bits_fill_bytes_from_the_highest(text: str, expected: str) -> None:
    assert wire("varbit", text) == wire("bit", text) == expected


@pytest.mark.parametrize("text", ["b101", "x1F", "012", " 1", "1 ", "/0"])
def test_other_forms_are_left_to_the_server(text: str) -> None:
    declines("bit", text)


def test_of_bytes_the_length_is_checked() -> None:
    malformed("bit", "", "0000", "00000001", "000000018000", "ffffffff")
    assert find("bit").modifiers(1024) == (1024,)
    assert find("bit").shown(bytes.fromhex("00000009a580")) == "101001011"
