"""What the environment says about how the blocks of backups are stored: how much compressed, and with which keys."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from data_pipeline.encryption.keyring import Keyring
from data_pipeline.encryption.set_key import KEY_BYTES
from data_pipeline.formats.compression import DEFAULT_LEVEL, LEAST_LEVEL, MOST_LEVEL

SHORTEST_PASSPHRASE = 16


@dataclass(frozen=True)
class PackingSettings:
    """compression_level: of zstd, where a backup asks for it. keyring: with any key in it, new sets are encrypted."""

    compression_level: int
    keyring: Keyring


def read(env: Mapping[str, str]) -> PackingSettings:
    """The settings of an environment. Raises ValueError, its text one clear line."""
    level = env.get("COMPRESSION_LEVEL") or str(DEFAULT_LEVEL)
    if not (level.isascii() and level.isdigit() and LEAST_LEVEL <= int(level) <= MOST_LEVEL):
        raise ValueError(f"COMPRESSION_LEVEL must be a whole number from {LEAST_LEVEL} to {MOST_LEVEL}")
    keys = _keys(env.get("BACKUP_ENCRYPTION_KEY") or "")
    return PackingSettings(int(level), Keyring(keys, _passphrases(env.get("BACKUP_ENCRYPTION_PASSPHRASE") or "")))


def _keys(text: str) -> tuple[bytes, ...]:
    try:
        keys = tuple(base64.b64decode(part.strip(), validate=True) for part in text.split(",") if part.strip())
        if not all(len(key) == KEY_BYTES for key in keys):
            raise ValueError
    except (binascii.Error, ValueError):
        text = "BACKUP_ENCRYPTION_KEY must be keys of 32 random bytes in Base64 (openssl rand -base64 32)"
        raise ValueError(f"{text}, separated by commas") from None
    return keys


def _passphrases(text: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not all(len(passphrase) >= SHORTEST_PASSPHRASE for passphrase in found):
        text = f"BACKUP_ENCRYPTION_PASSPHRASE must have at least {SHORTEST_PASSPHRASE} characters"
        raise ValueError(f"{text}; several are separated by commas")
    return found
