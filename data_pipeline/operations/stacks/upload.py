"""A stack's set that is uploaded: the tar.gz of a download. Nothing of it is listed before all of it is checked."""

import gzip
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from typing import Any, cast

from common.errors import BackupExists, InvalidBackup, PayloadTooLarge, ServiceError
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations import read_back
from data_pipeline.operations.results.backup_sets import ReadTable
from data_pipeline.operations.results.result import NamedBackup
from data_pipeline.operations.stacks.backup import expect_meant
from data_pipeline.operations.stacks.members import of_member
from data_pipeline.operations.stacks.results import StackUploaded, VerifiedMember
from data_pipeline.sets import stack_set
from data_pipeline.sets.ingest import Arrival, timestamp_of, unfit
from data_pipeline.sets.stack_set import StackFact, StackSets
from data_pipeline.sets.tar import Source, Unpacking
from data_pipeline.storage.location import MAIN_STORAGE, Location
from data_pipeline.storage.naming import STACK_FILE


class StackUpload:
    """Takes sets of stacks in. Every method raises ServiceError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sets = StackSets(engine.storages)

    def receive(self, body: Source, storage: str = MAIN_STORAGE) -> StackUploaded:
        """Store the sets of all members, read each to its last byte, and only then let them be listed."""
        started = time.monotonic()
        self._engine.storages.check(storage)
        where = self._engine.catalog.location(None, storage)
        here = self._engine.storages.of(where)
        with ExitStack() as stack:
            arrivals: dict[str, Arrival] = {}

            def arrival(timestamp: str) -> Arrival:
                if timestamp not in arrivals:
                    arrivals[timestamp] = stack.enter_context(Arrival(here, where))
                return arrivals[timestamp]

            fact, data = self._taken(_Unzipped(body, self._engine.settings.upload_max_bytes), arrival)
            if {one.timestamp for one in fact.members.values()} != arrivals.keys():
                raise unfit(say("set_incomplete"))
            read = {}
            for role, member in fact.members.items():
                try:
                    arrived = arrivals[member.timestamp].arrived()
                    expect_meant(role, member, arrived.manifest)
                    files = read_back.through(self._engine, arrived)
                except ServiceError as error:
                    raise of_member(error, role) from None
                read[role] = VerifiedMember(timestamp=member.timestamp, files=ReadTable.each(files))
            self._publish(where, fact, data, arrivals)
        return StackUploaded(
            response=say("stack_uploaded"),
            stack=fact.name,
            set=NamedBackup(backup_path=where.relative_path, timestamp=fact.timestamp),
            members=read,
            duration=round(time.monotonic() - started, 3),
        )

    def _taken(self, body: Source, arrival: Callable[[str], Arrival]) -> tuple[StackFact, bytes]:
        """Each file where it belongs; what vouches for all of them, parsed and as it came."""
        own: tuple[str, bytes] | None = None
        members = Unpacking(body)
        for name in members:
            if STACK_FILE.fullmatch(name):
                if own is not None:
                    raise unfit(say("files_of_different_sets"))
                own = name, _small(members)
                continue
            with arrival(timestamp_of(name)).file(name) as file:
                for chunk in members.data():
                    file.write(chunk)
        if own is None:
            raise unfit(say("set_incomplete"))
        name, data = own
        return stack_set.read(data, name), data

    def _publish(self, where: Location, fact: StackFact, data: bytes, arrivals: Mapping[str, Arrival]) -> None:
        """All of them, or none."""
        if (fact.name, fact.timestamp) in self._sets.timestamps(where, fact.name):
            raise BackupExists(say("set_exists"))
        published = []
        try:
            for timestamp, arrival in arrivals.items():
                arrival.publish()
                published.append(timestamp)
            self._sets.add(where, fact, data)
        except BaseException:
            for timestamp in published:
                with suppress(ServiceError):
                    self._engine.catalog.delete(where, timestamp)
            raise


class _Unzipped:
    """What a gzip has in it, as it comes in: no more than `most` bytes, however small it comes."""

    def __init__(self, body: Source, most: int) -> None:
        self._file = gzip.GzipFile(fileobj=cast("Any", body), mode="rb")  # it asks for read() and nothing else
        self._left = most

    def read(self, length: int, /) -> bytes:
        try:
            data: bytes = self._file.read(length)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise InvalidBackup(say("upload_not_a_tar"), details={"reason": say("not_a_tar")}) from None
        self._left -= len(data)
        if self._left < 0:
            raise PayloadTooLarge(say("body_too_large"))
        return data


def _small(members: Unpacking) -> bytes:
    data = b""
    for chunk in members.data():
        data += chunk
        if len(data) > stack_set.LARGEST:
            raise unfit(say("manifest_too_large"))
    return data
