"""Property values as JSON: what JSON has no type for is an object of one key.

Numbers, strings and booleans are JSON's (1 is an integer, 1.0 a float), lists are arrays. `$float`: NaN and infinities.
`$bytes`: base64. `$date`, `$time`, `$local_time`, `$local_datetime`: ISO 8601 with nine decimals, times with the offset
from UTC in seconds. `$datetime`: the local time, that offset, and the zone's name or null. `$duration`: months, days,
seconds, nanoseconds. `$point`: SRID and coordinates.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from data_pipeline.stores.extras import needed

KNOWN = frozenset(
    {"$float", "$bytes", "$date", "$time", "$local_time", "$datetime", "$local_datetime", "$duration", "$point"}
)


def encoded(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Raises TypeError or ValueError for a value that the driver can't carry."""
    found: dict[str, Any] = _codec().encoded(properties)
    return found


def decoded(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Raises ValueError."""
    found: dict[str, Any] = _codec().decoded(properties)
    return found


def expect_known(properties: Any) -> None:
    """Raise ValueError for what can't be properties, as far as that is seen without the driver."""
    if not isinstance(properties, dict) or not all(map(_is_known, properties.values())):
        raise ValueError("no properties")


def _is_known(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_known, value))
    if isinstance(value, dict):
        return len(value) == 1 and set(value) <= KNOWN
    return isinstance(value, bool | int | float | str)


def _codec() -> Any:
    needed("neo4j", extra="neo4j")
    return import_module("data_pipeline.stores.neo4j.codec")
