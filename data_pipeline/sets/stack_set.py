"""What vouches for the sets of a stack's members together: one file that names each of them and its manifest's digest.

It is JSON with a checksum of its own, computed as a manifest's is, and written last.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from common.errors import BackupExists, InvalidBackup, NotFound
from common.messages import say
from data_pipeline.sets import manifest as manifests
from data_pipeline.sets.tables.table_facts import Count, Digest, Fact, Label, Name
from data_pipeline.storage.file import StoredFile
from data_pipeline.storage.location import Location
from data_pipeline.storage.naming import STACK_FILE, stack_file
from data_pipeline.storage.registry import Storages

VERSION = 1
LARGEST = 1 << 20
Consistency = Literal["snapshot", "paused", "live"]


class MemberFact(Fact):
    """A member's set, which lies in the same location. manifest: its manifest's digest.

    consistency: snapshot: of the moment started_at; paused: of that moment, while writers stood still; live: what was
    there from started_at to ended_at, each thing as it was when it was read.
    """

    family: Name
    target: Name
    database: Label
    timestamp: Name
    manifest: Digest
    rows: Count
    bytes: Count
    consistency: Consistency
    started_at: Label
    ended_at: Label


class StackFact(Fact):
    """The whole document. precaution: a restore took it first."""

    stack_version: Literal[1]
    name: Name
    timestamp: Name
    created_at: Label
    tool_version: Label
    members: Annotated[dict[Name, MemberFact], Field(min_length=1)]
    precaution: bool = False
    sha256: Digest


@dataclass(frozen=True)
class StackSet:
    """A stack's set taken hold of."""

    location: Location
    fact: StackFact
    file: StoredFile


class StackSets:
    """Those of all storages. Raises ServiceError."""

    def __init__(self, storages: Storages) -> None:
        self._storages = storages

    def timestamps(self, where: Location, stack: str | None = None) -> list[tuple[str, str]]:
        """Stack and timestamp of each set in a location, newest first. stack: of this one only."""
        found = filter(None, map(STACK_FILE.fullmatch, self._storages.of(where).files(where)))
        named = [(match[1], match[2]) for match in found if stack in (None, match[1])]
        return sorted(named, key=lambda one: (one[1], one[0]), reverse=True)

    def find(self, where: Location, stack: str, timestamp: str) -> StackSet:
        """Raises NotFound, InvalidBackup."""
        name = stack_file(stack, timestamp)
        try:
            file = self._storages.of(where).file(where, name)
        except NotFound:
            raise NotFound(say("backup_file_missing", path=where.file(name))) from None
        if file.size > LARGEST:
            raise InvalidBackup(say("manifest_file_too_large", path=file.path), details={"file": name})
        return StackSet(where, read(file.read(0, file.size), name), file)

    def write(self, where: Location, stack: str, timestamps: Iterator[str], facts: Mapping[str, Any]) -> StackFact:
        """Under the first free timestamp."""
        for timestamp in timestamps:
            document = {"stack_version": VERSION, "name": stack, "timestamp": timestamp, **facts}
            document["sha256"] = manifests.checksum(document)
            fact = StackFact.model_validate(document)
            data = json.dumps(document, ensure_ascii=False, indent=1).encode()
            try:
                self._storages.of(where).create(where, stack_file(stack, timestamp), data)
            except FileExistsError:
                continue
            return fact
        raise AssertionError("there is always another second")

    def add(self, where: Location, fact: StackFact, data: bytes) -> None:
        """One that has been read, as it is. Raises BackupExists."""
        try:
            self._storages.of(where).create(where, stack_file(fact.name, fact.timestamp), data)
        except FileExistsError:
            raise BackupExists(say("set_exists")) from None

    def copy(self, found: StackSet, where: Location) -> None:
        """Into another location, whose storage has the members' sets. One that is there already stays."""
        data = found.file.read(0, found.file.size)
        try:
            self._storages.of(where).create(where, found.file.name, data)
        except FileExistsError:
            self.find(where, found.fact.name, found.fact.timestamp)

    def delete(self, found: StackSet) -> None:
        """The file alone; the members' sets stay."""
        self._storages.of(found.location).delete(found.location, [found.file.name])


def read(data: bytes, name: str) -> StackFact:
    """Parse a file, whose name says which set it is of. Raises InvalidBackup."""
    try:
        document = json.loads(data)
        rest = {key: value for key, value in document.items() if key != "sha256"}
        whole = document.get("sha256") == manifests.checksum(rest)
        version = document.get("stack_version")
        if whole and type(version) is int and version > VERSION:
            text = say("manifest_version_newer", name=name, version=version, known=VERSION)
            raise InvalidBackup(text, details={"file": name, "reason": say("manifest_version_not_known")})
        fact = StackFact.model_validate(document)
    except (ValueError, AttributeError, RecursionError, ValidationError):
        raise _damaged(name) from None
    if not whole or stack_file(fact.name, fact.timestamp) != name:
        raise _damaged(name)
    return fact


def _damaged(name: str) -> InvalidBackup:
    return InvalidBackup(
        say("manifest_file_damaged", name=name), details={"file": name, "reason": say("manifest_damaged")}
    )
