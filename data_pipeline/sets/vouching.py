"""What vouches for a set, as it is stored: a manifest, or for an encrypted set the envelope that a manifest is in."""

import json
from typing import NamedTuple

from data_pipeline.encryption import envelope as envelopes
from data_pipeline.encryption.envelope import Envelope
from data_pipeline.encryption.keyring import Keyring
from data_pipeline.encryption.set_key import SetKey
from data_pipeline.sets import manifest as manifests
from data_pipeline.sets.manifest import AnyManifest
from data_pipeline.storage.draft import Draft
from data_pipeline.storage.naming import manifest_name


class Vouching(NamedTuple):
    """A manifest, and the key of the set's blocks if they are encrypted."""

    manifest: AnyManifest
    key: SetKey | None


def read(data: bytes, name: str, timestamp: str, keyring: Keyring) -> Vouching:
    """What is in a file that vouches for a set. Raises InvalidBackup, and EncryptionKeyMissing."""
    envelope = envelope_of(data, name, timestamp)
    if envelope is None:
        return Vouching(manifests.load(data, name, timestamp), None)
    opened, key = envelope.open(keyring)
    return Vouching(manifests.load(opened, name, timestamp), key)


def envelope_of(data: bytes, name: str, timestamp: str) -> Envelope | None:
    """None for a manifest that is not encrypted, be it damaged. Raises InvalidBackup for a broken envelope."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return envelopes.found(document, name, timestamp) if manifests.is_whole(document) else None


def written(draft: Draft, described: bytes) -> bytes:
    """A manifest as it is stored for a draft whose blocks were written with its key, if it has one."""
    if draft.key is None:
        return described
    name = manifest_name(draft.timestamp)
    manifest = manifests.load(described, name, draft.timestamp)
    files = {fact.file: fact.bytes for fact in manifest.file_facts.values()}
    layout = manifest.layout or ""
    envelope = envelopes.sealed(
        described, draft.key, draft.keyring, timestamp=draft.timestamp, layout=layout, files=files, name=name
    )
    return stored(envelope)


def stored(envelope: Envelope) -> bytes:
    """An envelope as a file has it, its checksum included."""
    return manifests.checksummed(envelope.document())
