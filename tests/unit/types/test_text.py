"""Texts are their bytes."""

import pytest

from tests.unit.types.codecs import declines, find, malformed, wire


@pytest.mark.parametrize("name", ["text", "varchar", "bpchar", "name"])
def test_a_text_is_its_utf8(name: str) -> None:
    assert wire(name, "中 ") == "e4b8ad20"
    assert wire(name, "") == ""
    malformed(name, "ff", "e4b8")
    assert find(name).empty_text


def test_a_name_that_would_be_cut_is_left_to_the_server() -> None:
    assert len(wire("name", "é" * 31)) == 4 * 31
    declines("name", "é" * 32)


def test_a_char_is_one_byte() -> None:
    assert wire("char", "x") == "78"
    for text in ("", "xy", r"\101", "é"):
        declines("char", text)
    malformed("char", "", "7878")


def test_a_length_is_a_modifier_with_four_more() -> None:
    assert find("varchar").modifiers(14) == (10,)
    assert find("varchar").modifiers(-1) == find("varchar").modifiers(1 << 30) == ()
