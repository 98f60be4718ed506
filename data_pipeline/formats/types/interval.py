"""interval: microseconds as int64, days as int32, months as int32.

The text is that of IntervalStyle postgres, `1 year 2 mons -3 days 04:05:06.7`: each part at most once, in this order,
and with a sign of its own.
"""

import re
from collections.abc import Sequence
from struct import error, pack

from data_pipeline.formats.types.column_type import Declined, FixedSize
from data_pipeline.formats.types.datetimes import MICROSECONDS

_ALL_FIELDS, _ANY_PRECISION = 0x7FFF, 0xFFFF
"""Of an atttypmod, the upper and the lower half."""

_interval = re.compile(
    rb"(?:([+-]?[0-9]{1,9}) years?)?"
    rb"(?:(?:^|(?<=[a-z]) )([+-]?[0-9]{1,9}) mons?)?"
    rb"(?:(?:^|(?<=[a-z]) )([+-]?[0-9]{1,10}) days?)?"
    rb"(?:(?:^|(?<=[a-z]) )([+-]?)([0-9]{2,9}):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]{1,6}))?)?"
)


class Interval(FixedSize):
    name, oid = "interval", 1186
    size = 16
    operator_classes = ("interval_ops",)

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        return list(map(_encode, texts))

    def modifiers(self, modifier: int) -> tuple[int, ...]:
        """As the server's own function for modifiers takes them: which fields there are, as bits, and the precision."""
        fields, precision = modifier >> 16, modifier & 0xFFFF
        if modifier < 0 or (fields, precision) == (_ALL_FIELDS, _ANY_PRECISION):
            return ()
        return (fields,) if precision == _ANY_PRECISION else (fields, precision)


def _encode(text: bytes) -> bytes:
    found = _interval.fullmatch(text)
    if not found or not text:
        raise Declined
    years, months, days, sign, hours, minutes, seconds, part = found.groups()
    microseconds = 0
    if hours:
        whole = (int(hours) * 60 + int(minutes)) * 60 + int(seconds)
        microseconds = whole * MICROSECONDS + int((part or b"").ljust(6, b"0"))
    try:
        value = pack(
            ">qii",
            -microseconds if sign == b"-" else microseconds,
            int(days or 0),
            12 * int(years or 0) + int(months or 0),
        )
    except error:  # more than there is room for
        raise Declined from None
    if value in _ENDLESS:
        raise Declined
    return value


_ENDLESS = (pack(">qii", 2**63 - 1, 2**31 - 1, 2**31 - 1), pack(">qii", -(2**63), -(2**31), -(2**31)))
"""What PostgreSQL 17 and later take for infinite."""

TYPES = (Interval(),)
