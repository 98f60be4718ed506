"""Dates and times, as DateStyle ISO prints them."""

import pytest

from tests.unit.types.codecs import declines, find, malformed, wire


def days(text: str) -> int:
    return int.from_bytes(bytes.fromhex(wire("date", text)), "big", signed=True)


def microseconds(name: str, text: str) -> int:
    return int.from_bytes(bytes.fromhex(wire(name, text)), "big", signed=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2000-01-01", 0),
        ("1999-12-31", -1),
        ("2000-02-29", 59),
        ("2026-11-27", 9827),
        ("0001-01-01", -730119),
        ("0001-12-31 BC", -730120),
        ("0001-02-29 BC", -730426),  # the year before 1 was a leap year
        ("4712-01-01 BC", -2451141),
        ("10000-01-01", 2921940),
        ("infinity", 2**31 - 1),
        ("-infinity", -(2**31)),
    ],
)
def test_a_date_is_days_since_2000(text: str, expected: int) -> None:
    assert days(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("1999-02-29", "1900-02-29", "2000-13-01", "2000-00-01", "2000-01-32", "2000-01-00", "0000-01-01", "99-01-01"),
        *("20000101", "2000/01/01", "01-02-2000", "2000-1-1", "today", "epoch", "4714-11-24 BC", "5874897-01-01"),
        "02000-01-01",
    ],
)
def test_other_dates_are_left_to_the_server(text: str) -> None:
    declines("date", text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:00:00", 0),
        ("23:59:59.999999", 86_399_999_999),
        ("24:00:00", 86_400_000_000),
        ("12:30:45.5", 45_045_500_000),
        ("12:30:45.000001", 45_045_000_001),
    ],
)
def test_a_time_is_microseconds_since_midnight(text: str, expected: int) -> None:
    assert microseconds("time", text) == expected


@pytest.mark.parametrize("text", ["12:30", "23:59:60", "24:00:01", "12:60:00", "1:02:03", "12:30:45.1234567", "noon"])
def test_other_times_are_left_to_the_server(text: str) -> None:
    declines("time", text)


def test_a_time_with_a_zone_has_its_seconds_west_of_greenwich() -> None:
    assert wire("timetz", "00:00:01+08") == "00000000000f4240ffff8f80"
    assert wire("timetz", "00:00:01-05:30:15") == "00000000000f424000004d67"
    for text in ("00:00:01", "00:00:01+16", "00:00:01 UTC", "24:00:00+00"):
        declines("timetz", text)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("timestamp", "2000-01-01 00:00:00", 0),
        ("timestamp", "1999-12-31 23:59:59.999999", -1),
        ("timestamp", "0044-03-15 12:00:00 BC", -64_464_465_600_000_000),
        ("timestamp", "infinity", 2**63 - 1),
        ("timestamptz", "-infinity", -(2**63)),
        ("timestamptz", "2000-01-01 08:00:00+08", 0),
        ("timestamptz", "1999-12-31 18:29:45.5-05:30:15", 500_000),
        ("timestamptz", "0044-03-15 12:00:00+00 BC", -64_464_465_600_000_000),
        ("timestamptz", "2026-01-02 03:04:05.678901+00:00", 820_638_245_678_901),
    ],
)
def test_a_timestamp_is_microseconds_since_2000(name: str, text: str, expected: int) -> None:
    assert microseconds(name, text) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("timestamp", "2000-01-01"),
        ("timestamp", "2000-01-01T00:00:00"),
        ("timestamp", "2016-12-31 23:59:60"),
        ("timestamp", "2016-12-31 24:00:00"),
        ("timestamp", "2000-01-01 00:00:00+00"),
        ("timestamp", "294276-01-01 00:00:00"),
        ("timestamp", "2000-02-30 00:00:00"),
        ("timestamptz", "2000-01-01 00:00:00"),  # the session's zone
        ("timestamptz", "2000-01-01 00:00:00 Asia/Shanghai"),
        ("timestamptz", "2000-01-01 00:00:00Z"),
        ("timestamptz", "2000-01-01 00:00:00+0800"),
        ("timestamptz", "2000-01-01 00:00:00.1234567+00"),
        ("timestamptz", "now"),
    ],
)
def test_other_timestamps_are_left_to_the_server(name: str, text: str) -> None:
    declines(name, text)


def test_of_bytes_the_length_is_checked() -> None:
    malformed("date", "", "00000000000000")
    malformed("timestamptz", "00000000")
    assert find("timestamptz").modifiers(3) == (3,)
    assert find("timestamptz").modifiers(-1) == ()
