"""Blocks of backup files, compressed: each is one whole zstd frame, so that workers take them in any order.

Frames that follow one another are one zstd file, which `zstd -d` reads. A frame states the bytes of its content
(RFC 8878, Frame_Content_Size), and ends with a checksum of it.
"""

from typing import Literal

import zstandard

from common.messages import say

Compression = Literal["none", "zstd"]

SUFFIX = "zst"

LEAST_LEVEL, MOST_LEVEL = 1, 19
DEFAULT_LEVEL = 1
"""Of vectors as text it makes 0.45 at 300 MB/s a core; 3 and 5 make no less of them, at half and a third of the speed:
their digits repeat nothing, and only the entropy coder, which every level has, gains anything."""


class BadFrame(Exception):
    """Bytes that are not one whole frame of the promised content; the argument is the reason, for people."""


def compress(block: bytes, level: int) -> bytes:
    """One frame, which states its content's size. Lets go of the interpreter's lock meanwhile."""
    return zstandard.ZstdCompressor(level=level, write_checksum=True).compress(block)


def decompress(data: bytes, raw_bytes: int) -> bytes:
    """The content of exactly one frame, which has exactly `raw_bytes`: no more memory is ever asked for.

    Raises BadFrame for anything else: another size, a frame that is cut or damaged, bytes that follow it.
    """
    decoder = zstandard.ZstdDecompressor()
    try:
        # The library makes room for what the frame states, even above the limit it is given.
        if zstandard.get_frame_parameters(data).content_size != raw_bytes:
            raise BadFrame(say("frame_size_differs"))
        if raw_bytes == 0:
            _expect_nothing_more(decoder, data)
        return decoder.decompress(data, max_output_size=raw_bytes, allow_extra_data=False)
    except zstandard.ZstdError:
        raise BadFrame(say("frame_damaged")) from None


def _expect_nothing_more(decoder: zstandard.ZstdDecompressor, data: bytes) -> None:
    """Of a frame without content the library looks at nothing but the header."""
    reader = decoder.decompressobj()
    if reader.decompress(data) or not reader.eof or reader.unused_data:
        raise BadFrame(say("frame_damaged"))
