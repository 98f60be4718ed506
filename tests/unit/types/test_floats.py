"""float4 and float8: the text is rounded once."""

import pytest

from tests.unit.types.codecs import declines, find, malformed, wire


@pytest.mark.parametrize(
    ("text", "float4", "float8"),
    [
        ("0", "00000000", "0000000000000000"),
        ("-0", "80000000", "8000000000000000"),
        ("-0.0", "80000000", "8000000000000000"),
        ("0.1", "3dcccccd", "3fb999999999999a"),
        ("1e+20", "60ad78ec", "4415af1d78b58c40"),
        ("NaN", "7fc00000", "7ff8000000000000"),
        ("Infinity", "7f800000", "7ff0000000000000"),
        ("-Infinity", "ff800000", "fff0000000000000"),
        ("1.0000000596046448", "3f800001", "3ff0000010000000"),
        ("1e-45", "00000001", "3696d601ad376ab9"),
        ("3.4028235e+38", "7f7fffff", "47efffffe54daff8"),
    ],
)
def test_a_number_is_its_nearest_float(text: str, float4: str, float8: str) -> None:
    assert (wire("float4", text), wire("float8", text)) == (float4, float8)


def test_the_ends_of_the_range_are_there() -> None:
    assert wire("float8", "5e-324") == "0000000000000001"
    assert wire("float8", "1.7976931348623157e+308") == "7fefffffffffffff"


@pytest.mark.parametrize("text", ["", " 1", "+1", ".5", "5.", "0x1", "1_0", "nan", "inf", "1E5", "1e400", "1e-400"])
def test_other_forms_and_what_has_no_room_are_left_to_the_server(text: str) -> None:
    declines("float4", text)
    declines("float8", text)


@pytest.mark.parametrize("text", ["1e-46", "-0.00000000000000000000000000000000000000000000001", "3.4028236e+38"])
def test_a_float4_has_a_smaller_range(text: str) -> None:
    declines("float4", text)
    wire("float8", text)


def test_many_are_the_same_as_one_by_one() -> None:
    texts = [b"0.1", b"1.0000000596046448", b"NaN", b"-0", b"1e-45"] * 3
    assert find("float4").encode(texts) == [value for text in texts for value in find("float4").encode([text])]
    assert find("float4").encode([]) == find("float8").encode([]) == []


def test_of_bytes_the_length_is_checked() -> None:
    malformed("float4", "", "0000000000000000")
    malformed("float8", "00000000")
