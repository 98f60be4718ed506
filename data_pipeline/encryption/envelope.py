"""The manifest of an encrypted set: a header that is read without a key, and the manifest itself, sealed.

JSON like any manifest, of a format version that earlier versions of the service know to be newer. Its checksum tells
damage from tampering to those without a key; with the key the seal decides.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from common.errors import InvalidBackup
from common.messages import say
from data_pipeline.encryption.keyring import Keyring, Part, WrappedKey
from data_pipeline.encryption.set_key import SetKey, Unsealable, seal, unseal

FORMAT_VERSION = 3
MANIFEST = b"vector-backup manifest\0"

Name = Annotated[str, Field(min_length=1, max_length=255)]
Size = Annotated[int, Field(ge=0, lt=1 << 63)]


class Header(Part):
    """What is told without a key. set: tells the set from all others. files: by name, how many bytes are stored."""

    cipher: Literal["AES-256-GCM"]
    set: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    timestamp: Annotated[str, Field(pattern=r"^[0-9]{8}_[0-9]{6}$")]
    layout: Name
    files: dict[Name, Size]
    key: WrappedKey

    @property
    def set_id(self) -> bytes:
        return bytes.fromhex(self.set)

    def place(self) -> bytes:
        """What is authenticated beside the manifest: all but the wrapped key, which may change."""
        told = self.model_dump(exclude={"key"})
        return MANIFEST + json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


class Document(Part):
    """The whole file."""

    format_version: Literal[3]
    encryption: Header
    manifest: str
    sha256: str


@dataclass(frozen=True)
class Envelope:
    """A sealed manifest. name: of its file, for errors."""

    header: Header
    sealed: bytes
    name: str

    def open(self, keyring: Keyring) -> tuple[bytes, SetKey]:
        """The manifest, and the key of the set. Raises EncryptionKeyMissing; InvalidBackup for anything that was not
        sealed so."""
        try:
            key = keyring.unwrap(self.header.key, self.header.set_id, self.name)
            return unseal(key.secret, self.sealed, self.header.place()), key
        except Unsealable:
            raise damaged(self.name) from None

    def rewrapped(self, keyring: Keyring) -> "Envelope | None":
        """The same under the key that wraps now; None if it is already. Raises as open() does."""
        _, key = self.open(keyring)
        if keyring.wraps(self.header.key, self.header.set_id):
            return None
        header = self.header.model_copy(update={"key": keyring.wrap(key)})
        return Envelope(header, self.sealed, self.name)

    def document(self) -> dict[str, Any]:
        """The file's content, without its checksum."""
        return {
            "format_version": FORMAT_VERSION,
            "encryption": self.header.model_dump(),
            "manifest": base64.b64encode(self.sealed).decode(),
        }


def sealed(
    manifest: bytes, key: SetKey, keyring: Keyring, *, timestamp: str, layout: str, files: Mapping[str, int], name: str
) -> Envelope:
    """A manifest in its envelope. files: the set's, by name, with their sizes."""
    header = Header(
        cipher="AES-256-GCM",
        set=key.set_id.hex(),
        timestamp=timestamp,
        layout=layout,
        files=dict(files),
        key=keyring.wrap(key),
    )
    return Envelope(header, seal(key.secret, manifest, header.place()), name)


def found(document: Any, name: str, timestamp: str) -> Envelope | None:
    """The envelope that a document is; None for a manifest that isn't sealed. Raises InvalidBackup for a broken one."""
    if not isinstance(document, dict) or "encryption" not in document:
        return None
    try:
        read = Document.model_validate(document)
        data = base64.b64decode(read.manifest, validate=True)
    except (ValidationError, binascii.Error, ValueError):
        raise damaged(name) from None
    if read.encryption.timestamp != timestamp:
        raise damaged(name)
    return Envelope(read.encryption, data, name)


def damaged(name: str) -> InvalidBackup:
    """The answer for a manifest that the seal doesn't vouch for."""
    return InvalidBackup(
        say("sealed_manifest_damaged", name=name), details={"file": name, "reason": say("seal_broken")}
    )
