"""UTF-8 is recognised in pieces as it is whole."""

import pytest

from data_pipeline.formats import utf8

PIECE = utf8.PIECE_BYTES


@pytest.mark.parametrize("before", range(PIECE - 3, PIECE + 1))
def test_a_character_may_lie_across_two_pieces(before: int) -> None:
    assert utf8.first_invalid(b"x" * before + "😀x".encode()) is None
    assert utf8.first_invalid(b"x" * before + "😀".encode()[:-1]) == before
    assert utf8.first_invalid(b"x" * before + "😀".encode()[:-1] + b"x" * PIECE) == before
    assert not utf8.are_valid([b"x" * before, b"\xe4\xb8", b"\xad"])


def test_bytes_of_two_values_make_no_character() -> None:
    assert not utf8.are_valid([b"\xe4\xb8", b"\xad"])
    assert utf8.are_valid(["中".encode(), b"", b"x"])
