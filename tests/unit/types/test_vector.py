"""Texts of vectors and the bytes pgvector stores for them."""

import random
import re
import struct
from fractions import Fraction

import numpy as np
import pytest

from data_pipeline.formats.types.column_type import BadValue
from data_pipeline.formats.types.pgvector import vector as vectors


def floats(text: bytes) -> tuple[float, ...]:
    value = vectors.encode([text])[0]
    count, unused = struct.unpack_from(">hh", value)
    assert unused == 0
    return struct.unpack_from(f">{count}f", value, 4)


def bits(text: str) -> str:
    """The float4 of a vector's only element, in hexadecimal."""
    return vectors.encode([f"[{text}]".encode()])[0][4:].hex()


def reason(text: bytes) -> str:
    with pytest.raises(BadValue) as caught:
        vectors.encode([text])
    assert caught.value.index == 0
    return caught.value.reason


def nearest_float4(number: Fraction) -> np.float32:
    """Rounds once, ties to even, by comparing exact fractions: what strtof is to do."""
    guess = np.float32(float(number))
    candidates = [np.nextafter(guess, np.float32(-np.inf)), guess, np.nextafter(guess, np.float32(np.inf))]

    def distance(candidate: np.float32) -> tuple[Fraction, int]:
        return abs(Fraction(float(candidate)) - number), int(candidate.view(np.uint32)) & 1

    return min(candidates, key=distance)


def test_a_vector_is_its_dimensions_a_zero_and_big_endian_floats() -> None:
    assert vectors.encode([b"[1,-2.5]", b"[0.1]"]) == [
        b"\x00\x02\x00\x00\x3f\x80\x00\x00\xc0\x20\x00\x00",
        b"\x00\x01\x00\x00\x3d\xcc\xcc\xcd",
    ]


def test_no_vectors_are_no_values() -> None:
    assert vectors.encode([]) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "00000000"),
        ("-0", "80000000"),
        ("-0.0", "80000000"),
        ("-0e7", "80000000"),
        ("1e-0", "3f800000"),
        ("1e-400", "00000000"),
        ("-1e-400", "80000000"),
        (".5", "3f000000"),
        ("-.5e1", "c0a00000"),
        ("5.", "40a00000"),
        ("+1", "3f800000"),
        ("01", "3f800000"),
        ("1E+2", "42c80000"),
        ("0x1p3", "41000000"),
        ("-0X.8P1", "bf800000"),
        ("0xA", "41200000"),
        ("0x0p999999999", "00000000"),
        ("0x1p-999999999", "00000000"),
        ("0e999999999", "00000000"),
        ("123456789012345678901234567890", "6fc77488"),
    ],
)
def test_all_forms_of_numbers_that_strtof_reads(text: str, expected: str) -> None:
    assert bits(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.000000059604644775390625", "3f800000"),  # half-way, to even
        ("1.0000000596046448", "3f800001"),  # the same double, but more than half-way
        ("1.00000005960464477539062499999", "3f800000"),
        ("1.000000178813934326171875", "3f800002"),
        ("0x1.000001p0", "3f800000"),
        ("0x1.0000010000000000000001p0", "3f800001"),
        ("16777217", "4b800000"),
        ("-16777217.0000000000000000000000001", "cb800001"),
        ("7.0064923216240854e-46", "00000001"),  # 2**-150 and a little
        ("7.006492321624085e-46", "00000000"),
        ("1e-45", "00000001"),
        ("1.1754943508222874e-38", "00800000"),
        ("3.4028235e38", "7f7fffff"),
        ("3.4028235677973366e38", "7f7fffff"),  # half-way to overflow, less a little
    ],
)
def test_a_decimal_is_rounded_once(text: str, expected: str) -> None:
    assert bits(text) == expected


def test_rounding_agrees_with_exact_fractions() -> None:
    random_ = random.Random(3)
    numbers: list[Fraction] = []
    for _ in range(2000):
        low = np.uint32(random_.choice([random_.randrange(1, 1 << 23), random_.randrange(1, 0x7F7FFFFF)]))
        middle = (Fraction(float(low.view(np.float32))) + Fraction(float((low + 1).view(np.float32)))) / 2
        numbers.append(middle * (1 + random_.choice([0, 1, -1]) * Fraction(1, 10 ** random_.randrange(6, 40))))
    texts = [f"{number.numerator * 10**200 // number.denominator}e-200" for number in numbers]
    values = vectors.encode([f"[{text}]".encode() for text in texts])
    for text, value in zip(texts, values, strict=True):
        expected = nearest_float4(Fraction(text))
        assert value[4:] == struct.pack(">f", expected), text


def test_a_vector_that_needs_care_does_not_change_its_neighbours() -> None:
    ordinary = [b"[0.25,%d]" % number for number in range(100)]
    careful = [b"[-0,1.0000000596046448]", b"[ .5,\n1]", b"[1e-40,0]"]
    together = vectors.encode(ordinary + careful + ordinary)
    assert together == [vectors.encode([text])[0] for text in ordinary + careful + ordinary]


def test_zeros_keep_their_sign_among_many() -> None:
    assert str(floats(b"[0,-0, -0 ,1e-0,-0.0,-0]")) == "(0.0, -0.0, -0.0, 1.0, -0.0, -0.0)"


def test_white_space_is_what_vector_isspace_says() -> None:
    assert floats(b" \t\n\r\v\f[ \t\n\r\v\f1 \t\n\r\v\f, 2 ]\f\v ") == (1, 2)
    reason("[1,\u00a02]".encode())


def test_sixteen_thousand_dimensions_are_the_most() -> None:
    assert len(floats(b"[" + b"1," * 15_999 + b".5]")) == len(floats(b"[" + b"1," * 15_999 + b"5]")) == 16_000
    assert "16000" in reason(b"[" + b"1," * 16_000 + b"1]")


NO_VECTORS = (
    "[] [,] [1,] [,1] [1,,2] [1 [1]] [[1]] [[1],[2]] [1],[2] 1 1,2 {1,2} (1) [1]x [1][2] [1e] [0x] [0x.p1] [0xg] [--1] "
    "[1_0] [1f] [1d5] [1e5.5] [.] [-] [+] [e5] ['1'] [null] [true] [\u0663] [1;2] []] [\\N]"
)


@pytest.mark.parametrize("text", NO_VECTORS.split())
def test_what_is_no_vector_is_refused(text: str) -> None:
    assert reason(text.encode()) == vectors.NOT_A_VECTOR


def test_an_empty_text_is_no_vector() -> None:
    assert reason(b"") == reason(b" ") == vectors.NOT_A_VECTOR


NOT_FINITE = (
    "NaN -nan inf Infinity -INF 1e39 -1e400 3.4028236e38 340282366920938463463374607431768211456 0x1p128 0x1p99999 "
    "0x1.ffffffp127 3.40282356779733661637539395458142568448e38"
)


@pytest.mark.parametrize("text", NOT_FINITE.split())
def test_what_is_not_finite_as_a_float4_is_refused(text: str) -> None:
    assert re.search("NaN|float4", reason(f"[1,{text}]".encode()))


@pytest.mark.parametrize(
    "text",
    [
        "[0.1 0.2 0.3]",
        "[ 0.1        -0.25\n  1.5e-05]",
        "[0. 1.]",
        "[-0.01  0.02 ...  0.03 0.04]",
        "[0.1, 0.2, ..., 0.9]",
        str(np.linspace(-1, 1, 1536, dtype=np.float32)),
    ],
)
def test_what_numpy_printed_is_reported_as_lost(text: str) -> None:
    assert "丢失" in reason(text.encode())


def test_the_reason_never_repeats_the_text() -> None:
    for text in (b"[4711,x]", b"[4711 4712]", b"[4711e4711]"):
        assert "4711" not in reason(text)


@pytest.mark.parametrize("neighbours", [0, 1, 500, 60_000])
def test_an_error_says_which_vector_it_was(neighbours: int) -> None:
    with pytest.raises(BadValue) as caught:
        vectors.encode([b"[1,2]"] * neighbours + [b"[1,x]"] + [b"[1]"] * 3)
    assert caught.value.index == neighbours


@pytest.mark.parametrize(
    "texts",
    [
        [b"[1", b"2]"],
        [b"[1],[2", b"3]"],
        [b"[1", b"[2]]"],
        [b"[1", b"[2]],7"],
        [b"[1],5", b"[2]"],
        [b"[1", b"[2],[3]]"],
        [b"[1]],[[2]", b"[3]"],
    ],
)
def test_texts_that_are_vectors_only_together_are_refused(texts: list[bytes]) -> None:
    with pytest.raises(BadValue):
        vectors.encode(texts)
