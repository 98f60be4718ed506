"""A set of another store while it is written: files in hashed blocks, and the manifest that vouches for them."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from common.result import now
from data_pipeline.encryption.set_key import SetKey
from data_pipeline.sets import manifest as manifests
from data_pipeline.sets import vouching
from data_pipeline.storage.base import Writable
from data_pipeline.storage.draft import Draft
from data_pipeline.storage.naming import SEALED, STORE_STEMS, store_file
from data_pipeline.version import VERSION


class StoreDraft:
    """Over a storage's draft. family: of the store. A set has one file at least, which may be empty."""

    def __init__(self, draft: Draft, family: str) -> None:
        if family not in STORE_STEMS:
            raise ValueError("no family of sets")
        self._draft = draft
        self._family = family
        self._files: dict[str, dict[str, Any]] = {}

    @property
    def timestamp(self) -> str:
        return self._draft.timestamp

    @property
    def files(self) -> Mapping[str, Mapping[str, Any]]:
        """By key what the manifest will say of the files written so far: file, bytes, rows, blocks."""
        return self._files

    @contextmanager
    def file(self, key: str, stem: str, suffix: str) -> Iterator["BlockFile"]:
        """A file to be written, stored when the `with` ends. key: what the manifest calls it. stem: of its name, as
        naming.store_stem() makes it."""
        sealed = f"{suffix}{SEALED}" if self._draft.key else suffix
        name = store_file(stem, self.timestamp, sealed)
        if key in self._files or not stem.startswith(f"{STORE_STEMS[self._family]}_"):
            raise ValueError("a file of another store, or one that was written before")
        with self._draft.create(name) as stored:
            written = BlockFile(stored, name, self._draft.key)
            yield written
        self._files[key] = {"file": name, **written.fact()}

    def publish(
        self,
        facts: Mapping[str, Any],
        *,
        database: str,
        server_version: str,
        server: str | None = None,
        partial: bool = False,
        precaution: bool = False,
    ) -> None:
        """Let the set be seen, whole. facts: the store's own. The rest: as the manifest has them."""
        document = {
            "layout": self._family,
            "timestamp": self.timestamp,
            "created_at": now(),
            "tool_version": VERSION,
            "server_version": server_version,
            "database": database,
            "server": server,
            "files": self._files,
            "store": dict(facts),
            "partial": partial,
            "precaution": precaution,
        }
        self._draft.publish(vouching.written(self._draft, manifests.dump_store(document)))


class BlockFile:
    """A file, a block each write. name: the file's. key: of an encrypted set."""

    def __init__(self, stored: Writable, name: str, key: SetKey | None) -> None:
        self._stored = stored
        self._name = name
        self._key = key
        self._blocks: list[dict[str, Any]] = []
        self._size = 0
        self._rows = 0

    def write(self, block: bytes, rows: int, raw_bytes: int | None = None) -> None:
        """One block: the bytes as they are stored, the rows in it, and what they decompress to if they are
        compressed."""
        if self._key:
            block = self._key.block(self._name, len(self._blocks)).seal(block)
        self._stored.write(block)
        fact = {
            "offset": self._size,
            "bytes": len(block),
            "rows": rows,
            "sha256": hashlib.sha256(block).hexdigest(),
        }
        self._blocks.append(fact if raw_bytes is None else {**fact, "raw_bytes": raw_bytes})
        self._size += len(block)
        self._rows += rows

    def fact(self) -> dict[str, Any]:
        """What the manifest says of it."""
        return {"bytes": self._size, "rows": self._rows, "blocks": self._blocks}
