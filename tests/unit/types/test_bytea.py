"""Binary strings, in hexadecimal and with escapes."""

import pytest

from tests.unit.types.codecs import declines, find, wire


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\x", ""),
        (r"\x00fFDe", "00ffde"),
        ("", ""),
        ("a b", "612062"),
        (r"a\\b", "615c62"),
        (r"\000\377\\x", "00ff5c78"),
        (r"\\x00", "5c783030"),
    ],
)
def test_both_forms_are_read(text: str, expected: str) -> None:
    assert wire("bytea", text) == expected


@pytest.mark.parametrize("text", [r"\x0", r"\xzz", r"\x 00", r"\X00", r"\400", r"\0", "\\", r"\a", "é"])
def test_what_is_neither_or_depends_on_the_encoding_is_left_to_the_server(text: str) -> None:
    declines("bytea", text)


def test_a_value_is_shown_in_hexadecimal() -> None:
    assert find("bytea").shown(b"\0\xff") == r"\x00ff"
