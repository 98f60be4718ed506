"""Texts of sparse vectors and the bytes pgvector stores for them."""

import pytest

from tests.unit.types.codecs import find, malformed, refuses, wire

TWO_OF_NINE = "000000090000000200000000" + "0000000000000006" + "3f000000c0000000"


@pytest.mark.parametrize(
    "text",
    [
        "{1:0.5,7:-2}/9",
        "{7:-2,1:0.5}/9",
        " { 1 : .5 , +7 : -2e0 } / 9 ",
        "{1:0.5,2:0,7:-2,3:-0}/9",
        "{1:0.5,7:-2,99:0}/9",  # zeros go before their index is looked at
        "{1:0.5,1:0,7:-2,0:0e-400,2:-.0,3:0x0p9}/09",
    ],
)
def test_indices_count_from_zero_in_order_and_zeros_are_left_out(text: str) -> None:
    assert wire("sparsevec", text) == TWO_OF_NINE


def test_nothing_but_zeros_is_a_vector_too() -> None:
    assert wire("sparsevec", "{}/5") == wire("sparsevec", "{ }/5") == wire("sparsevec", "{3:0}/5")
    assert wire("sparsevec", "{}/5") == "000000050000000000000000"
    assert wire("sparsevec", "{1000000000:1}/1000000000") == "3b9aca0000000001000000003b9ac9ff3f800000"


@pytest.mark.parametrize("text", ["{1:1.0000000596046448}/1", "{1:0x1.0000010000000000000001p0}/1"])
def test_numbers_are_rounded_once(text: str) -> None:
    assert wire("sparsevec", text).endswith("3f800001")


@pytest.mark.parametrize(
    "text",
    [
        *("1", "{}", "{}/", "{}/0", "{}/-1", "{}/1000000001", "{1:1}", "{1:1}/", "{0:1}/5", "{6:1}/5", "{-1:1}/5"),
        *("{1:1,1:2}/5", "{1}/5", "{1:}/5", "{:1}/5", "{,}/5", "{1:1,}/5", "{1:x}/5", "{1:NaN}/5", "{1:1e39}/5"),
        *("{1:1}/5x", "{1:1}x/5", "[1:1]/5", "{1:1]/5", "{1:1}}/5", "{1.0:1}/5", "{99999999999999999999999:1}/5"),
        *("{1:1e-50}/5", "{1:-1e-400}/5", "{1:1,2:.1e-99}/5", "{1:0x1p-999}/5", "{1:0x0.ap-999}/5"),
        *("{1:2:3}/5", "{1:1}/5/5", "{0x1:1}/5", "{1_0:1}/50"),
    ],
)
def test_what_is_no_sparse_vector_is_refused(text: str) -> None:
    refuses("sparsevec", text)


def test_sixteen_thousand_elements_are_the_most() -> None:
    most = [f"{number}:1" for number in range(1, 16_002)]
    assert len(wire("sparsevec", f"{{{','.join(most[:-1])}}}/20000")) == 2 * (12 + 8 * 16_000)
    refuses("sparsevec", f"{{{','.join(most)}}}/20000")


def test_of_bytes_the_length_and_the_counts_are_checked() -> None:
    malformed("sparsevec", "", "0000", TWO_OF_NINE[:-2], TWO_OF_NINE + "00", "000000000000000000000000")
    malformed("sparsevec", "000000050000000000000001", "00000005ffffffff00000000")
    assert find("sparsevec").dimensions(bytes.fromhex(TWO_OF_NINE)) == 9
