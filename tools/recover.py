"""Turn a backup set into plain files without the service: decrypt, decompress, check every byte.

    python recover.py vector_backup_20261120_170444.json recovered/
    psql "$DATABASE_URL" -f recovered/restore.sql

The set's files have to lie beside its manifest. Keys come from BACKUP_ENCRYPTION_KEY and BACKUP_ENCRYPTION_PASSPHRASE,
as the service has them. It needs Python 3.10 or newer, `pip install cryptography zstandard`, and nothing else of this
project: keep a copy of it with the keys. The format is in docs/reference/file-formats.md.
"""

import base64
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

ENDINGS = (".enc", ".zst")
"""What file names lose when they are decrypted and decompressed."""


def main(arguments: list[str]) -> None:
    if len(arguments) != 2:
        sys.exit("usage: python recover.py vector_backup_TIMESTAMP.json DIRECTORY")
    path, directory = map(Path, arguments)
    manifest, key = open_manifest(path)
    directory.mkdir(parents=True, exist_ok=True)
    files = manifest["tables"] or manifest["files"]
    for name, fact in files.items():
        target = directory / plain_name(fact["file"])
        with (path.parent / fact["file"]).open("rb") as source, target.open("xb") as sink:
            for block in blocks(source, fact, key):
                sink.write(block)
        print(f"{target}: {fact['rows']} rows of {name}")
    (directory / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
    if manifest["tables"]:
        (directory / "restore.sql").write_text(sql(manifest, directory.resolve()), encoding="utf-8")
        print(f"{directory / 'restore.sql'}: for psql, into tables that are there and empty")


# The manifest


def open_manifest(path: Path) -> tuple[dict[str, Any], "SetKey | None"]:
    """What vouches for the set, and the key of an encrypted one."""
    document = json.loads(path.read_bytes())
    if checksum(document) != document["sha256"]:
        sys.exit(f"{path} is damaged")
    if "encryption" not in document:
        return document, None
    header = dict(document["encryption"])
    if header["timestamp"] not in path.name:
        sys.exit(f"{path} is the manifest of another set")
    wrapped = header.pop("key")
    key = SetKey(bytes.fromhex(header["set"]), unwrap(wrapped, bytes.fromhex(header["set"])))
    place = b"vector-backup manifest\0" + canonical(header)
    try:
        manifest = json.loads(opened(key.secret, base64.b64decode(document["manifest"]), place))
    except InvalidTag:
        sys.exit(f"{path} was changed: its seal doesn't hold")
    return manifest, key


def unwrap(wrapped: dict[str, Any], set_id: bytes) -> bytes:
    """The set's own key, by the first key or passphrase that opens it."""
    sealed = bytes.fromhex(wrapped["sealed"])
    place = b"vector-backup key\0" + set_id + canonical({"id": wrapped["id"], "kdf": wrapped["kdf"]})
    for candidate in candidates(wrapped["kdf"]):
        try:
            return opened(candidate, sealed, place)
        except InvalidTag:
            continue
    given_in = "BACKUP_ENCRYPTION_KEY or BACKUP_ENCRYPTION_PASSPHRASE"
    sys.exit(f"no key in {given_in} opens this set; it needs {wrapped['id']}")


def candidates(kdf: dict[str, Any] | None) -> Iterator[bytes]:
    if kdf is None:
        for text in given("BACKUP_ENCRYPTION_KEY"):
            yield base64.b64decode(text)
        return
    for passphrase in given("BACKUP_ENCRYPTION_PASSPHRASE"):
        salt = bytes.fromhex(kdf["salt"])
        yield Scrypt(salt=salt, length=32, n=kdf["n"], r=kdf["r"], p=kdf["p"]).derive(passphrase.encode())


def given(name: str) -> list[str]:
    return [part.strip() for part in os.environ.get(name, "").split(",") if part.strip()]


# Blocks


class SetKey:
    def __init__(self, set_id: bytes, secret: bytes) -> None:
        self.set_id, self.secret = set_id, secret


def blocks(source: BinaryIO, fact: dict[str, Any], key: SetKey | None) -> Iterator[bytes]:
    """The content of a file, a block at a time; nothing of a block that isn't what the manifest says."""
    for number, block in enumerate(fact["blocks"]):
        data = source.read(block["bytes"])
        if hashlib.sha256(data).hexdigest() != block["sha256"]:
            sys.exit(f"{fact['file']} is damaged in block {number}")
        if key:
            place = b"vector-backup block\0" + key.set_id + number.to_bytes(8, "big") + fact["file"].encode()
            try:
                data = opened(key.secret, data, place)
            except InvalidTag:
                sys.exit(f"{fact['file']} was changed in block {number}: its seal doesn't hold")
        raw = block.get("raw_bytes")
        yield data if raw is None else decompressed(data, raw)
    if source.read(1):
        sys.exit(f"{fact['file']} goes on after its last block")


def opened(secret: bytes, sealed: bytes, place: bytes) -> bytes:
    """AES-256-GCM: a nonce of 12 bytes, the ciphertext, a tag of 16 bytes; place is authenticated beside it."""
    return AESGCM(secret).decrypt(sealed[:12], sealed[12:], place)


def decompressed(frame: bytes, raw_bytes: int) -> bytes:
    if zstandard.get_frame_parameters(frame).content_size != raw_bytes:
        sys.exit("a block decompresses to another size than the manifest says")
    return zstandard.ZstdDecompressor().decompress(frame, max_output_size=raw_bytes, allow_extra_data=False)


# Output


def sql(manifest: dict[str, Any], directory: Path) -> str:
    """psql's commands that load the files, all or nothing."""
    lines = [r"\set ON_ERROR_STOP on", "SET client_encoding = 'UTF8';", "BEGIN;"]
    for name in manifest.get("load_order") or sorted(manifest["tables"]):
        fact = manifest["tables"][name]
        schema = fact.get("schema")
        table = ".".join(map(quoted, [schema, name.removeprefix(f"{schema}.")] if schema else [name]))
        columns = ", ".join(quoted(column["name"]) for column in fact["columns"])
        file = str(directory / plain_name(fact["file"])).replace("'", "''")
        options = "FORMAT csv, HEADER" if fact["format"] == "csv" else "FORMAT binary"
        lines.append(rf"\copy {table} ({columns}) FROM '{file}' WITH ({options})")
    return "\n".join([*lines, "COMMIT;", ""])


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def plain_name(file: str) -> str:
    for ending in ENDINGS:
        file = file.removesuffix(ending)
    return file


def checksum(document: dict[str, Any]) -> str:
    return hashlib.sha256(canonical({key: value for key, value in document.items() if key != "sha256"})).hexdigest()


def canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


if __name__ == "__main__":
    main(sys.argv[1:])
