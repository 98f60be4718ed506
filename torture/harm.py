"""What happens to files: one way a call, on bytes alone. Each harm says in words what it did, so it can be repeated."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass

from torture.sets import BackupFiles

HTML = b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>\n"


@dataclass(frozen=True)
class Harm:
    """Other bytes for files of a set; `harmless` if nothing that counts has changed."""

    text: str
    changes: dict[str, bytes]
    harmless: bool = False


def cut(files: BackupFiles, name: str, size: int) -> Harm:
    """A file that ends too early."""
    return Harm(f"{name} cut to {size} bytes", {name: files.whole[name][:size]})


def any_harm(chance: random.Random, files: BackupFiles, other: BackupFiles) -> Harm:
    """Some harm to a set; `other` is a set of the same tables at another time."""
    if chance.random() < 0.2:
        return chance.choice(TO_SETS)(chance, files, other)
    name = chance.choices(files.names, (20, 45, 35))[0]
    data = files.whole[name]
    while True:
        text, harmed = chance.choices(TO_BYTES, (30, 8, 4, 4, 4, 4, 4, 4, 4, 2))[0](chance, data)
        if harmed != data:
            return Harm(f"{name}: {text}", {name: harmed})


def says_the_same(files: BackupFiles, harm: Harm) -> bool:
    """Whether only the manifest was touched, and its facts are what they were: a space may become a line end."""
    try:
        return harm.changes.keys() == {files.manifest} and _facts(harm.changes[files.manifest]) == _facts(
            files.whole[files.manifest]
        )
    except ValueError:
        return False


def flip(chance: random.Random, data: bytes) -> tuple[str, bytes]:
    bit = chance.randrange(8 * len(data))
    return f"bit {bit} flipped", _flipped(data, [bit])


def flip_some(chance: random.Random, data: bytes) -> tuple[str, bytes]:
    bits = sorted({chance.randrange(8 * len(data)) for _ in range(chance.randint(2, 9))})
    return f"bits {bits} flipped", _flipped(data, bits)


def zero(chance: random.Random, data: bytes) -> tuple[str, bytes]:
    start, end = _range(chance, data)
    return f"bytes {start}-{end} zeroed", data[:start] + bytes(end - start) + data[end:]


def delete(chance: random.Random, data: bytes) -> tuple[str, bytes]:
    start, end = _range(chance, data)
    return f"bytes {start}-{end} deleted", data[:start] + data[end:]


def insert(chance: random.Random, data: bytes) -> tuple[str, bytes]:
    start, new = chance.randint(0, len(data)), chance.randbytes(chance.randint(1, 40))
    return f"{new!r} inserted at {start}", data[:start] + new + data[start:]


def repeat(chance: random.Random, data: bytes) -> tuple[str, bytes]:
    start, end = _range(chance, data)
    return f"bytes {start}-{end} repeated", data[:end] + data[start:]


def swap(chance: random.Random, data: bytes) -> tuple[str, bytes]:
    """Two pieces of one length change places: the size stays what it was."""
    length = chance.randint(1, max(1, len(data) // 4))
    first = chance.randint(0, len(data) - 2 * length) if len(data) >= 2 * length else 0
    second = chance.randint(first + length, max(first + length, len(data) - length))
    parts = data[:first], data[second : second + length], data[first + length : second], data[first : first + length]
    return f"bytes at {first} and {second} swapped, {length} each", b"".join(parts) + data[second + length :]


def lose_line(chance: random.Random, data: bytes) -> tuple[str, bytes]:
    lines = data.splitlines(keepends=True)
    number = chance.randrange(len(lines))
    return f"line {number + 1} lost", b"".join(lines[:number] + lines[number + 1 :])


def repeat_line(chance: random.Random, data: bytes) -> tuple[str, bytes]:
    lines = data.splitlines(keepends=True)
    number = chance.randrange(len(lines))
    return f"line {number + 1} twice", b"".join([*lines[: number + 1], *lines[number:]])


def cut_bytes(chance: random.Random, data: bytes) -> tuple[str, bytes]:
    size = chance.randrange(len(data))
    return f"cut to {size} bytes", data[:size]


def foreign(chance: random.Random, files: BackupFiles, other: BackupFiles) -> Harm:
    """A table's file of another backup, under this one's name."""
    pairs = [(files.collection, other.collection), (files.embedding, other.embedding)]
    chosen = chance.sample(pairs, chance.randint(1, 2))
    return Harm(f"{', '.join(mine for mine, _ in chosen)} of another set", {m: other.whole[o] for m, o in chosen})


def foreign_manifest(_chance: random.Random, files: BackupFiles, other: BackupFiles) -> Harm:
    return Harm("the manifest of another set", {files.manifest: other.whole[other.manifest]})


def renamed_set(_chance: random.Random, files: BackupFiles, other: BackupFiles) -> Harm:
    """All of another set, renamed: its manifest says which set it vouches for."""
    changes = {mine: other.whole[theirs] for mine, theirs in zip(files.names, other.names, strict=True)}
    return Harm("all files of another set", changes)


def redated_manifest(_chance: random.Random, files: BackupFiles, other: BackupFiles) -> Harm:
    manifest = other.whole[other.manifest].replace(other.timestamp.encode(), files.timestamp.encode())
    return Harm("the manifest of another set, its timestamp changed", {files.manifest: manifest})


def crossed(_chance: random.Random, files: BackupFiles, _other: BackupFiles) -> Harm:
    whole = files.whole
    changes = {files.collection: whole[files.embedding], files.embedding: whole[files.collection]}
    return Harm("the tables' files exchanged", changes)


def replaced(chance: random.Random, files: BackupFiles, _other: BackupFiles) -> Harm:
    """Something that is no such file at all."""
    name = chance.choice(files.names)
    data = files.whole[name]
    header = data[: data.find(b"\n") + 1]
    new = chance.choice((b"", HTML, header, b"\0" * len(data), chance.randbytes(len(data)), b"{}", b"[]", b"null"))
    return Harm(f"{name} replaced by {new[:40]!r}, {len(new)} bytes", {name: new})


def edited_manifest(chance: random.Random, files: BackupFiles, _other: BackupFiles) -> Harm:
    """A fact of the manifest changed, and its checksum left as it was."""
    document = json.loads(files.whole[files.manifest])
    path = []
    node = document
    while isinstance(node, (dict, list)) and node:
        key = chance.choice(sorted(node)) if isinstance(node, dict) else chance.randrange(len(node))
        path.append(key)
        parent, node = node, node[key]
    parent[path[-1]] = _other_value(chance, node)
    return Harm(f"manifest{path} = {parent[path[-1]]!r}", {files.manifest: json.dumps(document).encode()})


def rewritten_manifest(chance: random.Random, files: BackupFiles, _other: BackupFiles) -> Harm:
    """The same facts in another layout: the checksum is over the facts."""
    document = json.loads(files.whole[files.manifest])
    text = json.dumps(document, indent=chance.choice((None, 0, 2, "\t")), sort_keys=chance.random() < 0.5)
    return Harm("the manifest laid out differently", {files.manifest: text.encode()}, harmless=True)


TO_BYTES: tuple[Callable[[random.Random, bytes], tuple[str, bytes]], ...] = (
    *(flip, flip_some, zero, delete, insert, repeat, swap, lose_line, repeat_line, cut_bytes),
)
TO_SETS: tuple[Callable[[random.Random, BackupFiles, BackupFiles], Harm], ...] = (
    *(foreign, foreign_manifest, renamed_set, redated_manifest, crossed, replaced, edited_manifest, edited_manifest),
    rewritten_manifest,
)


def _facts(manifest: bytes) -> object:
    return json.loads(manifest.decode())


def _other_value(chance: random.Random, value: object) -> object:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + chance.choice((-1, 1))
    if isinstance(value, str):
        return chance.choice((value + "x", value[1:] or "y"))
    return "something"


def _flipped(data: bytes, bits: list[int]) -> bytes:
    harmed = bytearray(data)
    for bit in bits:
        harmed[bit // 8] ^= 1 << bit % 8
    return bytes(harmed)


def _range(chance: random.Random, data: bytes) -> tuple[int, int]:
    start = chance.randrange(len(data))
    return start, min(len(data), start + chance.randint(1, 40))
