"""Property values as JSON and back, none changed: what JSON has no type for is an object of one key (values.py).

It needs the driver; values.py imports it where it is used.
"""

import math
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any

from neo4j import time as temporal
from neo4j.spatial import CartesianPoint, Point, WGS84Point
from pytz import FixedOffset, timezone

PLAIN = (bool, int, str)


def encode(value: Any) -> Any:
    """Raises TypeError or ValueError for what the driver has no value for: years before 1, offsets with seconds."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, list):
        return [encode(one) for one in value]
    if isinstance(value, bytes | bytearray):
        return {"$bytes": b64encode(bytes(value)).decode()}
    for kind, tell in ENCODERS.items():
        if isinstance(value, kind):
            return tell(value)
    raise TypeError(f"a value of type {type(value).__name__}")


def decode(value: Any) -> Any:
    """Raises ValueError for anything that encode() doesn't make."""
    if isinstance(value, list):
        return [decode(one) for one in value]
    if isinstance(value, (*PLAIN, float)):
        return value
    if isinstance(value, dict) and len(value) == 1:
        ((name, content),) = value.items()
        if name in DECODERS:
            try:
                return DECODERS[name](content)
            except (TypeError, KeyError, AttributeError, IndexError):
                raise ValueError("no property") from None
    raise ValueError("no property")


def encoded(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: encode(value) for name, value in sorted(properties.items())}


def decoded(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: decode(value) for name, value in properties.items()}


def _datetime(value: temporal.DateTime) -> Any:
    zone = value.tzinfo
    naive = value.replace(tzinfo=None)
    if zone is None:
        return {"$local_datetime": naive.iso_format()}
    offset = value.utcoffset()
    seconds = int(offset.total_seconds()) if offset is not None else 0
    name = getattr(zone, "key", None) or getattr(zone, "zone", None)
    return {"$datetime": [naive.iso_format(), seconds, name]}


def _time(value: temporal.Time) -> Any:
    if value.tzinfo is None:
        return {"$local_time": value.iso_format()}
    offset = value.tzinfo.utcoffset(None)
    seconds = int(offset.total_seconds()) if offset is not None else 0
    return {"$time": [value.replace(tzinfo=None).iso_format(), seconds]}


def _read_datetime(content: Any) -> temporal.DateTime:
    """With zones of pytz, as the driver makes them: those of zoneinfo crash on its DateTime."""
    text, seconds, name = content
    at = temporal.DateTime.from_iso_format(text).replace(tzinfo=_fixed(seconds))
    return at if name is None else at.as_timezone(timezone(name))


def _fixed(seconds: int) -> Any:
    """Of pytz: a time of day has no other that the driver takes. In whole minutes, as it wants them."""
    return FixedOffset(seconds // 60)


def _read_time(content: Any) -> temporal.Time:
    text, seconds = content
    return temporal.Time.from_iso_format(text).replace(tzinfo=_fixed(seconds))


def _duration(value: temporal.Duration) -> Any:
    return {"$duration": [value.months, value.days, value.seconds, value.nanoseconds]}


def _read_duration(content: Any) -> temporal.Duration:
    months, days, seconds, nanoseconds = content
    return temporal.Duration(months=months, days=days, seconds=seconds, nanoseconds=nanoseconds)


def _point(value: Point) -> Any:
    return {"$point": [value.srid, *map(encode, value)]}


def _read_point(content: Any) -> Point:
    srid, *coordinates = content
    kind = {7203: CartesianPoint, 9157: CartesianPoint, 4326: WGS84Point, 4979: WGS84Point}[srid]
    return kind([decode(one) for one in coordinates])


def _float(content: str) -> float:
    if content not in ("nan", "inf", "-inf"):
        raise ValueError("no property")
    return float(content)


ENCODERS: Mapping[type, Callable[[Any], Any]] = {
    temporal.DateTime: _datetime,
    temporal.Date: lambda value: {"$date": value.iso_format()},
    temporal.Time: _time,
    temporal.Duration: _duration,
    Point: _point,
}
DECODERS: Mapping[str, Callable[[Any], Any]] = {
    "$float": _float,
    "$bytes": lambda content: b64decode(content, validate=True),
    "$date": temporal.Date.from_iso_format,
    "$time": _read_time,
    "$local_time": temporal.Time.from_iso_format,
    "$datetime": _read_datetime,
    "$local_datetime": temporal.DateTime.from_iso_format,
    "$duration": _read_duration,
    "$point": _read_point,
}
