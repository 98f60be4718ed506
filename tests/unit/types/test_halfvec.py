"""Texts of half-precision vectors and the bytes pgvector stores for them."""

import pytest

from data_pipeline.formats.types.column_type import BadValue
from tests.unit.types.codecs import find, malformed, refuses, wire


def bits(text: str) -> str:
    """The float2 of a vector's only element."""
    return wire("halfvec", f"[{text}]")[8:]


def test_it_is_its_dimensions_a_zero_and_big_endian_halves() -> None:
    assert wire("halfvec", "[1,-2.5,0.1]") == "000300003c00c1002e66"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-0", "8000"),
        ("65504", "7bff"),
        ("65519.996", "7bff"),  # half-way to overflow, less a little
        ("1.00048828125", "3c00"),  # half-way, to even
        ("1.00146484375", "3c02"),
        ("1.0004882812500001", "3c00"),  # more than half-way, but not as a float4
        ("1.0004884", "3c01"),
        ("6.1035156e-05", "0400"),  # the smallest normal
        ("5.9604645e-08", "0001"),  # the smallest of all
        ("2.9802322e-08", "0000"),  # half of that, to even
        ("2.980233e-08", "0001"),
        ("-1e-400", "8000"),
        ("0x1p-24", "0001"),
    ],
)
def test_a_float4_is_rounded_again_ties_to_even(text: str, expected: str) -> None:
    assert bits(text) == expected


@pytest.mark.parametrize("text", ["65520", "-70000", "1e39", "NaN", "inf"])
def test_what_is_not_finite_is_refused(text: str) -> None:
    refuses("halfvec", f"[1,{text}]")


@pytest.mark.parametrize("text", ["", "[]", "{1}", "[1,]", "[1]x", "[" + "1," * 16_000 + "1]"])
def test_what_is_no_vector_is_refused(text: str) -> None:
    refuses("halfvec", text)


def test_an_error_says_which_vector_it_was() -> None:
    for bad in (b"[1e5]", b"[x]"):
        with pytest.raises(BadValue) as caught:
            find("halfvec").encode([b"[1]", b"[2]", bad, b"[3]"])
        assert caught.value.index == 2


def test_of_bytes_the_length_and_the_dimensions_are_checked() -> None:
    malformed("halfvec", "", "0000", "00000000", "000100003c", "000200003c00", "000100013c00", "000100003c003c00")
    assert find("halfvec").dimensions(bytes.fromhex("000300003c00c1002e66")) == 3
    assert find("halfvec").modifiers(3) == (3,)
    assert find("halfvec").modifiers(-1) == ()
