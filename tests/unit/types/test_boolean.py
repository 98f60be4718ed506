"""Truth values, as COPY, SQL and Python write them."""

import pytest

from tests.unit.types.codecs import declines, malformed, wire


@pytest.mark.parametrize(("text", "expected"), [("t", "01"), ("f", "00"), ("true", "01"), ("False", "00")])
def test_a_truth_value_is_a_byte(text: str, expected: str) -> None:
    assert wire("bool", text) == expected


@pytest.mark.parametrize("text", ["", "yes", "1", " t", "TRUE", "x"])
def test_other_words_are_left_to_the_server(text: str) -> None:
    declines("bool", text)


def test_of_bytes_the_length_is_checked() -> None:
    malformed("bool", "", "0101")
