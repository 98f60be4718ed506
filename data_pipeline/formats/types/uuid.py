"""uuid: sixteen bytes. uuid_in takes hexadecimal digits with a hyphen after any four, in braces or not."""

import re
from binascii import unhexlify
from collections.abc import Sequence
from uuid import UUID

import numpy as np

from common.messages import say
from data_pipeline.formats.types.column_type import BadValue, FixedSize

_DASHES = np.array([8, 13, 18, 23])
_HEX = np.delete(np.arange(36), _DASHES)
_uuid = re.compile(rb"(?:[0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}")

_NOT_A_UUID = say("not_a_uuid")


class Uuid(FixedSize):
    name, oid = "uuid", 2950
    size = 16
    certain = True
    operator_classes = ("uuid_ops",)

    def encode(self, texts: Sequence[bytes]) -> list[bytes]:
        joined = b"".join(texts)
        if len(joined) == 36 * len(texts):
            try:
                return _canonical(joined)
            except ValueError:
                pass
        found: list[bytes] = []
        for text in texts:
            bare = text[1:-1] if text[:1] == b"{" and text[-1:] == b"}" else text
            if not _uuid.fullmatch(bare):
                raise BadValue(len(found), _NOT_A_UUID)
            found.append(unhexlify(bare.replace(b"-", b"")))
        return found

    def shown(self, value: bytes) -> str:
        return str(UUID(bytes=value)) if len(value) == self.size else super().shown(value)

    def malformed(self) -> BadValue:
        return BadValue(0, _NOT_A_UUID)


def _canonical(joined: bytes) -> list[bytes]:
    """For a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11, one after the other. Raises ValueError for anything else."""
    letters = np.frombuffer(joined, np.uint8).reshape(-1, 36)
    if (letters[:, _DASHES] != ord("-")).any():
        raise ValueError
    binary = unhexlify(letters[:, _HEX].tobytes())
    return [binary[start : start + 16] for start in range(0, len(binary), 16)]


TYPES = (Uuid(),)
