"""uuids; tests of binary COPY have more of their texts."""

from tests.unit.types.codecs import find, malformed, refuses, wire


def test_a_uuid_is_sixteen_bytes_however_it_is_written() -> None:
    value = "a0eebc999c0b4ef8bb6d6bb9bd380a11"
    assert wire("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11") == wire("uuid", "{" + value.upper() + "}") == value
    assert find("uuid").shown(bytes.fromhex(value)) == "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
    refuses("uuid", value + "0")
    malformed("uuid", "", value + "00")
