"""How sizes are written."""

import pytest

from common.sizes import format_size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (209, "209 B"),
        (1023, "1023 B"),
        (1024, "1 KB"),
        (1535, "1 KB"),
        (1537, "2 KB"),
        (764 * 1024 + 511, "764 KB"),
        (1023 * 1024 + 511, "1023 KB"),
    ],
)
def test_bytes_and_kilobytes_are_whole_numbers(size: int, text: str) -> None:
    assert format_size(size) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (1024**2, "1.0 MB"),
        (1024**2 * 3 // 2, "1.5 MB"),
        (1024**3 * 5 // 2, "2.5 GB"),
        (1024**4 * 12, "12.0 TB"),
        (1024**5 * 3, "3.0 PB"),
        (1024**6 * 2, "2048.0 PB"),
    ],
)
def test_from_megabytes_up_there_is_one_decimal(size: int, text: str) -> None:
    assert format_size(size) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (1024**2 - 1, "1.0 MB"),
        (1024**2 - 511, "1.0 MB"),
        (1024**3 - 1, "1.0 GB"),
        (1024**4 - 1, "1.0 TB"),
        (1024**5 - 1, "1.0 PB"),
    ],
)
def test_what_rounds_to_1024_becomes_the_next_unit(size: int, text: str) -> None:
    assert format_size(size) == text
