"""What the tests of the types share: a text's bytes, and what a codec says of a text or of bytes it doesn't take."""

import pytest

from data_pipeline.formats import types
from data_pipeline.formats.types.column_type import BadValue, ColumnType, Declined


def find(name: str) -> ColumnType:
    found = types.find(name)
    assert found is not None
    return found


def wire(name: str, text: str) -> str:
    """The bytes of a text, in hexadecimal; they pass the check of such bytes."""
    (value,) = find(name).encode([text.encode()])
    find(name).check(value)
    return value.hex()


def declines(name: str, text: str) -> None:
    with pytest.raises(Declined):
        find(name).encode([text.encode()])


def refuses(name: str, text: str) -> BadValue:
    with pytest.raises(BadValue) as caught:
        find(name).encode([text.encode()])
    return caught.value


def malformed(name: str, *values: str) -> None:
    """None of these bytes, in hexadecimal, are a value's."""
    for value in values:
        with pytest.raises(BadValue):
            find(name).check(bytes.fromhex(value))
