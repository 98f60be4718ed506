"""Intervals, as IntervalStyle postgres prints them."""

import pytest

from tests.unit.types.codecs import declines, find, malformed, wire


@pytest.mark.parametrize(
    ("text", "microseconds", "days", "months"),
    [
        ("00:00:00", 0, 0, 0),
        ("1 year", 0, 0, 12),
        ("1 mon", 0, 0, 1),
        ("-1 days", 0, -1, 0),
        ("1 year -2 mons +3 days -04:05:06.7", -14_706_700_000, 3, 10),
        ("-1 years -2 mons", 0, 0, -14),
        ("2 years 3 days", 0, 3, 24),
        ("100:00:00.000001", 360_000_000_001, 0, 0),
        ("1 day +00:00:01", 1_000_000, 1, 0),
    ],
)
def test_each_part_has_a_place_and_a_sign_of_its_own(text: str, microseconds: int, days: int, months: int) -> None:
    value = bytes.fromhex(wire("interval", text))
    parts = (value[:8], value[8:12], value[12:])
    assert tuple(int.from_bytes(part, "big", signed=True) for part in parts) == (microseconds, days, months)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "1", "1 week", "1 day 1 year", "1 day 1 day", "@ 1 day", "1 day ago", "P1D", "1-2", "1.5 days"),
        *(" 1 day", "1 day ", "1 year1 mon", "04:05", "04:60:00", "infinity", "-infinity", "2147483648 days"),
        *("200000000 years", "04:05:06.1234567", "1 day, 2:03:04"),
    ],
)
def test_other_forms_are_left_to_the_server(text: str) -> None:
    declines("interval", text)


def test_of_bytes_the_length_is_checked() -> None:
    malformed("interval", "", "00" * 15)


def test_a_modifier_is_fields_and_precision() -> None:
    assert find("interval").modifiers(-1) == find("interval").modifiers(0x7FFF << 16 | 0xFFFF) == ()
    assert find("interval").modifiers(0x7FFF << 16 | 3) == (0x7FFF, 3)
    assert find("interval").modifiers(4 << 16 | 0xFFFF) == (4,)  # INTERVAL YEAR
