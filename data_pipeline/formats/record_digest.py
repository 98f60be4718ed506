"""Digests of rows: the SHA-256 of what the server's record_send() gives for one, by which rows are told apart unsent.

The bytes of a record (rowtypes.c) are an int32 count of columns, then of each the oid of its type, an int32 length, -1
for NULL, and what the type's send function gives. All but the oids stand in a tuple of binary COPY.
"""

import hashlib
from struct import Struct

SIZE = hashlib.sha256().digest_size
"""Bytes of one digest."""

UNKNOWN = bytes(SIZE)
"""No row's digest: that of a row that was not looked at."""

_length = Struct(">i")


def of_tuples(tuples: bytes, oids: tuple[int, ...]) -> bytes:
    """The digests of tuples of binary COPY, without header and trailer, one after the other.

    oids: of the columns' types, as the table has them that the rows are compared with.
    """
    count = len(oids).to_bytes(4, "big")
    types = [oid.to_bytes(4, "big") for oid in oids]
    unpack, sha256, join = _length.unpack_from, hashlib.sha256, b"".join
    found: list[bytes] = []
    position, end = 0, len(tuples)
    while position < end:
        position += 2
        parts = [count]
        for oid in types:
            start = position
            (size,) = unpack(tuples, start)
            position = start + 4 + (size if size > 0 else 0)
            parts += (oid, tuples[start:position])
        found.append(sha256(join(parts)).digest())
    return join(found)
