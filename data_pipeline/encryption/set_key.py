"""The key of one set, and what it seals: AES-256-GCM (NIST SP 800-38D), each piece bound to its place.

A sealed piece is a random nonce, the ciphertext, the tag. What is authenticated beside it names the set, the file and
the number of the block, so that a block is refused anywhere but where it was written.
"""

import os
from dataclasses import dataclass, field

KEY_BYTES = 32
SET_BYTES = 16
NONCE_BYTES = 12
"""Random; a key seals far fewer than 2^32 blocks."""

OVERHEAD = NONCE_BYTES + 16
"""Bytes that a sealed piece has beside its content."""

BLOCK = b"vector-backup block\0"


class Unsealable(Exception):
    """Bytes that were not sealed by this key for this place."""


def seal(secret: bytes, data: bytes, place: bytes) -> bytes:
    """place: what else is authenticated."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # workers need it for encrypted sets only

    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(secret).encrypt(nonce, data, place)


def unseal(secret: bytes, data: bytes, place: bytes) -> bytes:
    """Raises Unsealable; then nothing of the content is told."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(secret).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], place)
    except (InvalidTag, ValueError):
        raise Unsealable from None


@dataclass(frozen=True)
class BlockSeal:
    """What seals one block, and opens it again."""

    secret: bytes = field(repr=False)
    place: bytes

    def seal(self, data: bytes) -> bytes:
        return seal(self.secret, data, self.place)

    def unseal(self, data: bytes) -> bytes:
        """Raises Unsealable."""
        return unseal(self.secret, data, self.place)


@dataclass(frozen=True)
class SetKey:
    """A random key that only one set has, and the random number that tells this set from all others."""

    set_id: bytes
    secret: bytes = field(repr=False)

    @classmethod
    def make(cls) -> "SetKey":
        return cls(os.urandom(SET_BYTES), os.urandom(KEY_BYTES))

    def block(self, file: str, number: int) -> BlockSeal:
        """For the block `number` of a file, 0-based. file: its name."""
        return BlockSeal(self.secret, BLOCK + self.set_id + number.to_bytes(8, "big") + file.encode())
