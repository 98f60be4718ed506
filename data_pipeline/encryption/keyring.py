"""The keys that sets' keys are wrapped with: random ones, and those made of passphrases by scrypt (RFC 7914)."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Literal

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from pydantic import BaseModel, ConfigDict, Field

from common.errors import EncryptionKeyMissing
from common.messages import say
from data_pipeline.encryption.set_key import KEY_BYTES, SetKey, Unsealable, seal, unseal

WRAP = b"vector-backup key\0"
KEY_ID = b"vector-backup key id\0"
OF_PASSPHRASE = "passphrase"  # noqa: S105 - what such a key is called
"""The id of a key that a passphrase makes: nothing about it is told by a digest that could be tried quickly."""

COST, BLOCK_SIZE, PARALLEL = 1 << 15, 8, 1
"""scrypt's N, r and p: a tenth of a second and 32 MB, which each guess costs too."""

MOST_COST = 1 << 20
"""Of what a set may ask for: a gigabyte of memory."""

Hex = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{2})+$", max_length=256)]


class Part(BaseModel):
    """Strict: nothing stands here that isn't known."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Derivation(Part):
    """How a key is made of a passphrase."""

    name: Literal["scrypt"]
    salt: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    n: Annotated[int, Field(ge=1 << 10, le=MOST_COST)]
    r: Annotated[int, Field(ge=1, le=8)]
    p: Annotated[int, Field(ge=1, le=4)]


class WrappedKey(Part):
    """A set's key, sealed. id: of the key that it is sealed with. kdf: how that one is made, if of a passphrase."""

    id: Annotated[str, Field(pattern=r"^(?:[0-9a-f]{16}|passphrase)$")]
    kdf: Derivation | None
    sealed: Hex

    def place(self, set_id: bytes) -> bytes:
        """What is authenticated beside it."""
        return _place(self.id, self.kdf, set_id)


@dataclass(frozen=True)
class Keyring:
    """keys: random ones, of 32 bytes; the first, or else the first passphrase, wraps; each opens what it has wrapped.

    Without any, nothing is encrypted.
    """

    keys: Sequence[bytes] = field(default=(), repr=False)
    passphrases: Sequence[str] = field(default=(), repr=False)

    def __bool__(self) -> bool:
        return bool(self.keys or self.passphrases)

    @property
    def id(self) -> str | None:
        """Of the key that wraps."""
        if self.keys:
            return key_id(self.keys[0])
        return OF_PASSPHRASE if self.passphrases else None

    def wrap(self, key: SetKey) -> WrappedKey:
        kdf = None if self.keys else Derivation(name="scrypt", salt=_salt(), n=COST, r=BLOCK_SIZE, p=PARALLEL)
        secret = self.keys[0] if kdf is None else _derived(self.passphrases[0], kdf)
        name = key_id(secret) if kdf is None else OF_PASSPHRASE
        return WrappedKey(id=name, kdf=kdf, sealed=seal(secret, key.secret, _place(name, kdf, key.set_id)).hex())

    def wraps(self, wrapped: WrappedKey, set_id: bytes) -> bool:
        """Whether it is wrapped with the key that wraps now."""
        if wrapped.id != self.id or wrapped.kdf is None:
            return wrapped.id == self.id
        try:
            unseal(_derived(self.passphrases[0], wrapped.kdf), bytes.fromhex(wrapped.sealed), wrapped.place(set_id))
        except Unsealable:
            return False
        return True

    def unwrap(self, wrapped: WrappedKey, set_id: bytes, name: str) -> SetKey:
        """Raises EncryptionKeyMissing where no key here fits, Unsealable where the right one finds damage.

        name: of the manifest, for the error.
        """
        if wrapped.kdf is None:
            known = [key for key in self.keys if key_id(key) == wrapped.id]
            if not known:
                raise missing(wrapped, name)
            return SetKey(set_id, unseal(known[0], bytes.fromhex(wrapped.sealed), wrapped.place(set_id)))
        for passphrase in self.passphrases:
            try:
                secret = _derived(passphrase, wrapped.kdf)
                return SetKey(set_id, unseal(secret, bytes.fromhex(wrapped.sealed), wrapped.place(set_id)))
            except Unsealable:
                continue
        raise missing(wrapped, name, wrong=bool(self.passphrases))


NO_KEYS = Keyring()


def key_id(key: bytes) -> str:
    """What tells a random key from others: a digest, of which nothing leads back to the key."""
    return sha256(KEY_ID + key).hexdigest()[:16]


def missing(wrapped: WrappedKey, name: str, *, wrong: bool = False) -> EncryptionKeyMissing:
    """The answer for a set that no key here opens. wrong: there is a passphrase, and it is another one."""
    if wrapped.kdf is None:
        text = say("encryption_key_missing", name=name, id=wrapped.id)
    else:
        text = say("passphrase_wrong", name=name) if wrong else say("passphrase_missing", name=name)
    return EncryptionKeyMissing(text, can_retry=False, details={"file": name, "key": wrapped.id})


def _place(name: str, kdf: Derivation | None, set_id: bytes) -> bytes:
    told = {"id": name, "kdf": kdf and kdf.model_dump()}
    return WRAP + set_id + json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


@lru_cache(maxsize=1)
def _salt() -> str:
    """One for all sets of a process: each would cost scrypt's time otherwise, here and where they are listed."""
    return os.urandom(16).hex()


@lru_cache(maxsize=256)
def _derived(passphrase: str, kdf: Derivation) -> bytes:
    made = Scrypt(salt=bytes.fromhex(kdf.salt), length=KEY_BYTES, n=kdf.n, r=kdf.r, p=kdf.p)
    return bytes(made.derive(passphrase.encode()))
