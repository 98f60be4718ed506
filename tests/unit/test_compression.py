"""Frames of zstd: what is one, and what is refused for not being the one that was promised."""

import struct
from collections.abc import Callable

import pytest
import zstandard

from data_pipeline.formats import compression
from data_pipeline.formats.compression import BadFrame, compress, decompress

BLOCK = b"id,embedding\n" + b"".join(b"%d,[%d.5,-0]\n" % (n, n * n) for n in range(2000))
FRAME = compress(BLOCK, compression.DEFAULT_LEVEL)
MAGIC = struct.pack("<I", 0xFD2FB528)
SKIPPABLE = struct.pack("<II", 0x184D2A50, 4) + b"note"


@pytest.mark.parametrize("level", [compression.LEAST_LEVEL, 3, compression.MOST_LEVEL])
@pytest.mark.parametrize("block", [BLOCK, b"", b"x", bytes(9 << 20)], ids=["rows", "nothing", "a byte", "zeros"])
def test_a_block_comes_back(block: bytes, level: int) -> None:
    assert decompress(compress(block, level), len(block)) == block


def test_a_frame_begins_as_zstd_says_and_states_the_size_of_its_content() -> None:
    assert compress(b"hello", 1)[:6] == MAGIC + bytes([0b0010_0100, 5])  # one segment, with a checksum; five bytes


def test_frames_one_after_the_other_are_what_the_tool_reads() -> None:
    whole = zstandard.ZstdDecompressor().stream_reader(FRAME + compress(b"more", 1), read_across_frames=True)
    assert whole.read() == BLOCK + b"more"


@pytest.mark.parametrize("size", [0, len(BLOCK) - 1, len(BLOCK) + 1, 1 << 62])
def test_another_size_than_promised_is_refused_before_it_is_made(size: int) -> None:
    with pytest.raises(BadFrame) as caught:
        decompress(FRAME, size)
    assert str(caught.value) == "压缩块解压后的大小与清单不符"


def test_a_frame_of_much_more_than_promised_is_refused() -> None:
    bomb = compress(bytes(1 << 28), 19)
    assert len(bomb) < 1 << 15
    with pytest.raises(BadFrame):
        decompress(bomb, 1 << 20)


def test_a_frame_that_states_less_than_it_holds_is_refused() -> None:
    frame = bytearray(compress(bytes(200), 1))
    frame[5] = 100  # the size it states
    with pytest.raises(BadFrame):
        decompress(bytes(frame), 100)


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame + b"x",
        lambda frame: frame + frame,
        lambda frame: frame + SKIPPABLE,
        lambda frame: SKIPPABLE + frame,
        lambda frame: SKIPPABLE,
        lambda frame: b"",
        lambda frame: frame[:5],
        lambda frame: frame[1:],
        lambda frame: b"text of another kind",
        lambda frame: zstandard.ZstdCompressor(write_content_size=False).compress(BLOCK),
    ],
)
@pytest.mark.parametrize("block", [BLOCK, b""], ids=["rows", "nothing"])
def test_what_is_no_single_frame_is_refused(change: Callable[[bytes], bytes], block: bytes) -> None:
    with pytest.raises(BadFrame):
        decompress(change(compress(block, 1)), len(block))


def test_a_frame_cut_anywhere_is_refused() -> None:
    for end in range(0, len(FRAME), 97):
        with pytest.raises(BadFrame):
            decompress(FRAME[:end], len(BLOCK))


def test_a_flipped_bit_is_refused_or_changes_nothing() -> None:
    for place in range(0, len(FRAME) * 8, 331):
        damaged = bytearray(FRAME)
        damaged[place // 8] ^= 1 << place % 8
        try:
            assert decompress(bytes(damaged), len(BLOCK)) == BLOCK
        except BadFrame:
            continue
