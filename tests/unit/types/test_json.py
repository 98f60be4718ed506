"""json is its text, and jsonb has a version before it."""

from tests.unit.types.codecs import find, malformed, wire


def test_what_it_says_is_for_the_server() -> None:
    assert wire("json", '{"a" : 1.0}') == b'{"a" : 1.0}'.hex()
    assert wire("jsonb", '{"a" : 1.0}') == "01" + b'{"a" : 1.0}'.hex()
    assert wire("jsonb", "no json") == "01" + b"no json".hex()


def test_bytes_are_utf8_and_jsonb_is_of_the_only_version() -> None:
    malformed("json", "ff")
    malformed("jsonb", "", "7b7d", "02", "01ff")
    assert find("json").json
    assert find("jsonb").json
