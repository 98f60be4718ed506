"""date, time, timetz, timestamp, timestamptz: days or microseconds as integers, from 2000-01-01 or from midnight.

The texts are those of DateStyle ISO, with an offset where the type has a zone: without one, or with a zone's name, the
session's settings and the server's time zones say what is meant. The last minute has sixty seconds here; of 60, and of
the day's end in a timestamp, the server makes the next day's beginning.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from struct import Struct

from data_pipeline.formats.types.column_type import ColumnType, Declined, FixedSize

MICROSECONDS = 1_000_000
_DAY = 86400 * MICROSECONDS
_EPOCH = 730119  # 2000-01-01, counted from 0001-01-01 as day 0
_LAST_YEAR, _LAST_YEAR_OF_DATES = 294275, 5874896  # whole years; the rest of the next one is left to the server
_FIRST_YEAR = -4712  # 4713 BC, from November 24

_int4, _int8, _timetz = Struct(">i").pack, Struct(">q").pack, Struct(">qi").pack

_DATE = rb"([0-9]{4}|[1-9][0-9]{4,6})-([0-9]{2})-([0-9]{2})"
_TIME = rb"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?"
_ZONE = rb"([+-])([0-9]{2})(?::([0-9]{2}))?(?::([0-9]{2}))?"
_BC = rb"( BC)?"
_date = re.compile(_DATE + _BC)
_time = re.compile(_TIME)
_timetz_text = re.compile(_TIME + _ZONE)
_timestamp = re.compile(_DATE + b" " + _TIME + _BC)
_timestamptz = re.compile(_DATE + b" " + _TIME + _ZONE + _BC)

_MONTH_STARTS = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365)


class _Precise(FixedSize):
    def modifiers(self, modifier: int) -> tuple[int, ...]:
        return (modifier,) if 0 <= modifier <= 6 else ()


class Date(FixedSize):
    name, oid = "date", 1082
    size = 4
    operator_classes = ("date_ops",)

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        return [_ENDLESS_DAYS.get(text) or _int4(_days(*_match(_date, text), _LAST_YEAR_OF_DATES)) for text in texts]


class Time(_Precise):
    name, oid = "time", 1083
    size = 8
    operator_classes = ("time_ops",)

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        return [_int8(_DAY if text == b"24:00:00" else _of_day(*_match(_time, text))) for text in texts]


class TimeTz(_Precise):
    name, oid = "timetz", 1266
    size = 12
    operator_classes = ("timetz_ops",)

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        return [
            _timetz(_of_day(*parts[:4]), -_offset(*parts[4:])) for parts in (_match(_timetz_text, t) for t in texts)
        ]


class Timestamp(_Precise):
    name, oid = "timestamp", 1114
    size = 8
    operator_classes = ("timestamp_ops",)

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        return [_ENDLESS.get(text) or _int8(self._microseconds(text)) for text in texts]

    def _microseconds(self, text: bytes) -> int:
        year, month, day, *time, bc = _match(_timestamp, text)
        return _days(year, month, day, bc, _LAST_YEAR) * _DAY + _of_day(*time)


class TimestampTz(Timestamp):
    name, oid = "timestamptz", 1184
    operator_classes = ("timestamptz_ops",)

    def _microseconds(self, text: bytes) -> int:
        year, month, day, hour, minute, second, part, *zone, bc = _match(_timestamptz, text)
        local = _days(year, month, day, bc, _LAST_YEAR) * _DAY + _of_day(hour, minute, second, part)
        return local - _offset(*zone) * MICROSECONDS


_ENDLESS_DAYS = {b"infinity": _int4(2**31 - 1), b"-infinity": _int4(-(2**31))}
_ENDLESS = {b"infinity": _int8(2**63 - 1), b"-infinity": _int8(-(2**63))}


def _match(pattern: re.Pattern[bytes], text: bytes) -> tuple[bytes, ...]:
    found = pattern.fullmatch(text)
    if not found:
        raise Declined
    return found.groups()


@lru_cache(maxsize=1024)
def _days(year: bytes, month: bytes, day: bytes, bc: bytes | None, last_year: int) -> int:
    """Days since 2000-01-01, in the Gregorian calendar also before it was made."""
    number, m, d = int(year), int(month), int(day)
    astronomical = 1 - number if bc else number
    leap = astronomical % 4 == 0 and (astronomical % 100 != 0 or astronomical % 400 == 0)
    if not number or not 1 <= m <= 12 or not _FIRST_YEAR < astronomical <= last_year:
        raise Declined
    if not 1 <= d <= _MONTH_STARTS[m] - _MONTH_STARTS[m - 1] + (leap and m == 2):
        raise Declined
    before = astronomical - 1
    years = 365 * before + before // 4 - before // 100 + before // 400
    return years + _MONTH_STARTS[m - 1] + (leap and m > 2) + d - 1 - _EPOCH


def _of_day(hour: bytes, minute: bytes, second: bytes, part: bytes | None) -> int:
    """Microseconds since midnight."""
    h, m, s = int(hour), int(minute), int(second)
    if h > 23 or m > 59 or s > 59:
        raise Declined
    return ((h * 60 + m) * 60 + s) * MICROSECONDS + (int(part.ljust(6, b"0")) if part else 0)


def _offset(sign: bytes, hours: bytes, minutes: bytes | None, seconds: bytes | None) -> int:
    """Seconds east of Greenwich."""
    h, m, s = int(hours), int(minutes or 0), int(seconds or 0)
    if h > 15 or m > 59 or s > 59:
        raise Declined
    return (h * 3600 + m * 60 + s) * (-1 if sign == b"-" else 1)


TYPES: tuple[ColumnType, ...] = (Date(), Time(), TimeTz(), Timestamp(), TimestampTz())
