"""A backup set while it is written into object storage: nobody sees it before it is whole.

A claim, an object put only if there is none, gives a timestamp to one writer on any machine. Files are uploaded under
their own names and stay unlisted as long as there is a claim and no manifest. To publish, the claim must still be
ours, then the manifest is put, if there is none; a set without one is published when its claim goes.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from common.errors import BackupExists, InternalError, ServiceError
from common.messages import say
from data_pipeline.storage.base import Writable
from data_pipeline.storage.location import Location
from data_pipeline.storage.naming import claim_name, manifest_name, set_files
from data_pipeline.storage.s3.bucket import Bucket
from data_pipeline.storage.s3.file import ObjectFile, file_in, key_of, prefix_of
from data_pipeline.storage.s3.lease import Lease


class ObjectDraft:
    """A claimed timestamp and the files written for it so far."""

    def __init__(self, bucket: Bucket, location: Location, timestamp: str, claim: Lease) -> None:
        self.timestamp = timestamp
        self._bucket = bucket
        self._location = location
        self._claim = claim
        self._written: list[str] = []

    @classmethod
    def claim(cls, bucket: Bucket, location: Location, timestamps: Iterator[str]) -> "ObjectDraft":
        """Take the first timestamp that no set, done or under way, has. Raises BackupExists if there is none."""
        for timestamp in timestamps:
            key = key_of(location, claim_name(timestamp))
            try:
                claim = Lease(bucket, key)
            except FileExistsError:
                continue
            try:
                bucket.expect_conditions(key)
                if not set_files(timestamp, bucket.names(prefix_of(location))):
                    return cls(bucket, location, timestamp, claim)
            except BaseException:
                claim.release()
                raise
            claim.release()
        raise BackupExists(say("set_exists"))

    @contextmanager
    def create(self, name: str) -> Iterator[Writable]:
        """A file for writing: uploaded whole when the `with` ends, aborted if an exception ends it."""
        self._written.append(name)
        with self._bucket.writing(self._key(name)) as file:
            yield file

    def file(self, name: str) -> ObjectFile:
        """A file that was written, to be read back before anybody else can."""
        return file_in(self._bucket, self._location, name)

    def publish(self, manifest: bytes | None) -> None:
        """Let everybody see the set. Raises ServiceUnavailable if the claim was lost meanwhile."""
        self._claim.expect_ours()
        if manifest is not None:
            name = manifest_name(self.timestamp)
            self._written.append(name)
            try:
                self._bucket.create(self._key(name), manifest)
            except FileExistsError:
                raise InternalError(say("set_written_by_another"), can_retry=True) from None
        self._written = []

    def close(self) -> None:
        """Remove what was not published, and then the claim; what can't be removed now is swept later.

        Where the claim was lost there is nothing of ours any more.
        """
        try:
            if self._written:
                self._claim.expect_ours()
            self._bucket.delete([self._key(name) for name in reversed(self._written)])
        except ServiceError:
            self._claim.abandon()
        else:
            self._claim.release()

    def _key(self, name: str) -> str:
        return key_of(self._location, name)
