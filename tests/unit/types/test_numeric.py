"""numeric: count, weight, sign, scale, and digits of base 10,000."""

import pytest

from tests.unit.types.codecs import declines, find, malformed, wire


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "0000 0000 0000 0000"),
        ("-0.00", "0000 0000 0000 0002"),
        ("1", "0001 0000 0000 0000 0001"),
        ("-1", "0001 0000 4000 0000 0001"),
        ("10000", "0001 0001 0000 0000 0001"),
        ("00012345.6700", "0003 0001 0000 0004 0001 0929 1a2c"),
        ("0.00001", "0001 fffe 0000 0005 03e8"),
        ("0.1230", "0001 ffff 0000 0004 04ce"),
        ("-100000000.5", "0004 0002 4000 0001 0001 0000 0000 1388"),
        ("NaN", "0000 0000 c000 0000"),
        ("Infinity", "0000 0000 d000 0020"),
        ("-Infinity", "0000 0000 f000 0020"),
    ],
)
def test_zeros_at_both_ends_are_left_out_and_the_scale_is_kept(text: str, expected: str) -> None:
    assert wire("numeric", text) == expected.replace(" ", "")


@pytest.mark.parametrize("text", ["", " 1", "+1", ".5", "5.", "1e5", "1_0", "0x1", "inf", "nan", "1,5", "--1"])
def test_other_forms_are_left_to_the_server(text: str) -> None:
    declines("numeric", text)


def test_what_has_no_room_is_left_to_the_server() -> None:
    assert wire("numeric", "0" * 200_000 + "9" * 131_072).startswith("80007fff")
    declines("numeric", "9" * 131_073)
    declines("numeric", "0." + "1" * 16_384)


def test_a_modifier_is_precision_and_scale() -> None:
    assert find("numeric").modifiers((10 << 16 | 2) + 4) == (10, 2)
    assert find("numeric").modifiers((3 << 16 | 0x7FE) + 4) == (3, -2)
    assert find("numeric").modifiers(-1) == ()


def test_of_bytes_the_length_and_the_sign_are_checked() -> None:
    malformed("numeric", "", "00010000000000", "0001000000000000", "0000000000000000ff", "0000000012340000")
