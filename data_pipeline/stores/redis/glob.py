"""Redis's patterns of keys, for records of a file: `*`, `?`, `[a-z]`, `[^x]`, and `\\` before a character as it is."""

import re


def compiled(pattern: str) -> re.Pattern[bytes]:
    """Matches whole keys."""
    found, rest = b"", pattern.encode()
    while rest:
        part, rest = _next(rest)
        found += part
    return re.compile(found + rb"\Z", re.DOTALL)


def _next(rest: bytes) -> tuple[bytes, bytes]:
    head, tail = rest[:1], rest[1:]
    if head == b"*":
        return b".*", tail.lstrip(b"*")
    if head == b"?":
        return b".", tail
    if head == b"\\" and tail:
        return re.escape(tail[:1]), tail[1:]
    if head == b"[":
        return _class(tail)
    return re.escape(head), tail


def _class(rest: bytes) -> tuple[bytes, bytes]:
    """A set of characters; one that isn't closed ends with the pattern, and an empty one matches nothing."""
    negated = rest[:1] == b"^"
    rest = rest[negated:]
    ranges = b""
    while rest and rest[:1] != b"]":
        if rest[:1] == b"\\" and len(rest) > 1:
            ranges, rest = ranges + _range(rest[1], rest[1]), rest[2:]
        elif len(rest) > 2 and rest[1:2] == b"-":
            ranges, rest = ranges + _range(*sorted((rest[0], rest[2]))), rest[3:]
        else:
            ranges, rest = ranges + _range(rest[0], rest[0]), rest[1:]
    if not ranges:
        return b"." if negated else rb"(?!)", rest[1:]
    return b"[%b%b]" % (b"^" if negated else b"", ranges), rest[1:]


def _range(least: int, most: int) -> bytes:
    return rb"\x%02x-\x%02x" % (least, most)
