"""Whether bytes are UTF-8. Long values are decoded in pieces: one emoji would make four bytes of each character."""

import codecs
from collections.abc import Sequence

from common.messages import say

PIECE_BYTES = 1 << 20
INVALID = say("not_utf8")


def are_valid(values: Sequence[bytes]) -> bool:
    """Whether all of them are. Decoding is done where there is something to decode: most columns are ASCII."""
    if all(map(bytes.isascii, values)):
        return True
    if sum(map(len, values)) <= PIECE_BYTES:
        return is_valid(b"\n".join(values))
    return all(map(is_valid, values))


def is_valid(value: bytes) -> bool:
    """Whether a single one is."""
    if value.isascii():
        return True
    if len(value) > PIECE_BYTES:
        return first_invalid(value) is None
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def first_invalid(value: bytes) -> int | None:
    """Where the first bytes are that no character begins with or goes on with; None if there are none."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(value)
    for start in range(0, len(value), PIECE_BYTES):
        piece = view[start : start + PIECE_BYTES]
        kept = len(decoder.getstate()[0])  # of a character that began in the piece before
        try:
            decoder.decode(piece, final=start + len(piece) == len(value))
        except UnicodeDecodeError as error:
            return start - kept + error.start
    return None
