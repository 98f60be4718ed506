"""Secrets of resources, encrypted for their rows: AES-256-GCM under a key that never reaches the database."""

import base64
import json
import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from common.errors import ServiceUnavailable
from common.messages import say

KEY_BYTES = 32
NONCE_BYTES = 12
"""As NIST SP 800-38D has it: random, and so for at most 2^32 secrets a key."""

PURPOSE = b"vector-backup: secrets of resources"
OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class Key:
    """A key, and the name that rows know it by."""

    secret: bytes = field(repr=False)

    @cached_property
    def id(self) -> str:
        return sha256(PURPOSE + b": id" + self.secret).hexdigest()[:8]

    @classmethod
    def of(cls, text: str) -> "Key":
        """That of a text with as much chance in it: SECRET_KEY, or what the file holds."""
        return cls(HKDF(SHA256(), KEY_BYTES, salt=None, info=PURPOSE).derive(text.encode()))


class Sealer:
    """texts: what keys are made of, the one that seals first. file: where one is made and kept if there are none.

    Nothing is read or made before it is needed.
    """

    def __init__(self, texts: tuple[str, ...], file: Path | None) -> None:
        self._texts = texts
        self._file = file
        self._kept: Key | None = None

    def seal(self, kind: str, name: str, values: Mapping[str, Any]) -> tuple[str, str]:
        """The sealed text of a resource's secrets, and the id of the key. Raises ServiceUnavailable without a key."""
        key = self._own() if self._texts else self._made()
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(key.secret).encrypt(nonce, json.dumps(values).encode(), _place(kind, name))
        return base64.b64encode(nonce + sealed).decode(), key.id

    def open(self, kind: str, name: str, sealed: str, key_id: str | None) -> dict[str, Any]:
        """The secrets. Raises ServiceUnavailable if the key is not there, or has not sealed this for this resource."""
        key = next((key for key in self._known() if key.id == key_id), None)
        if key is None:
            raise ServiceUnavailable(say("secret_key_unknown", key_id=key_id or "?", name=name), can_retry=False)
        data = base64.b64decode(sealed)
        try:
            opened = AESGCM(key.secret).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], _place(kind, name))
        except InvalidTag:
            raise ServiceUnavailable(say("secret_damaged", name=name), can_retry=False) from None
        values: dict[str, Any] = json.loads(opened)
        return values

    def _own(self) -> Key:
        return Key.of(self._texts[0])

    def _known(self) -> list[Key]:
        given = [Key.of(text) for text in self._texts]
        return [*given, *([kept] if (kept := self._read()) else [])]

    def _made(self) -> Key:
        """That of the file, which is made if it isn't there: whole, under another name, and only by one process."""
        if self._file is None:
            raise ServiceUnavailable(say("secret_key_missing"), can_retry=False)
        if (kept := self._read()) is not None:
            return kept
        draft = self._file.with_name(f"{self._file.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # another process was faster: its key is the one
                os.link(draft, self._file)
        except OSError:
            raise ServiceUnavailable(say("secret_key_file_unusable"), can_retry=False) from None
        finally:
            draft.unlink(missing_ok=True)
        made = self._read()
        if made is None:
            raise ServiceUnavailable(say("secret_key_file_unusable"), can_retry=False)
        return made

    def _read(self) -> Key | None:
        """That of the file, None if there is none. Raises ServiceUnavailable if others than its owner may read it."""
        if self._file is None or self._kept is not None:
            return self._kept
        try:
            with self._file.open(encoding="ascii") as file:
                if os.fstat(file.fileno()).st_mode & OTHERS:
                    raise ServiceUnavailable(say("secret_key_file_open_to_others"), can_retry=False)
                text = file.read().strip()
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            raise ServiceUnavailable(say("secret_key_file_unusable"), can_retry=False) from None
        if len(text) < KEY_BYTES:
            raise ServiceUnavailable(say("secret_key_file_unusable"), can_retry=False)
        self._kept = Key.of(text)
        return self._kept


def _place(kind: str, name: str) -> bytes:
    """What a sealed text is bound to: in another row it doesn't open."""
    return json.dumps([kind, name]).encode()
