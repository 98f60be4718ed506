"""A backup set while it is written: no reader sees it before it is whole.

A claim, a name that only one process can make and that counts for as long as that process lives, gives a timestamp to
one writer on any machine. Files are written under names that no listing shows. To publish, every byte is stored first,
then the data files get their names, then the manifest is created, and the claim goes. A timestamp with a claim and no
manifest is not listed; a set that has no manifest is published by the end of its claim.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from common.errors import BackupExists, InternalError, ServiceError
from common.messages import say
from data_pipeline.encryption.keyring import Keyring
from data_pipeline.encryption.set_key import SetKey
from data_pipeline.storage.base import Backend, Claim, Folder, Writable
from data_pipeline.storage.file import StoredFile
from data_pipeline.storage.location import Location
from data_pipeline.storage.naming import claim_name, manifest_name, timestamp_of


class Draft:
    """A claimed timestamp and the files written for it so far.

    keyring: what a new set's key is wrapped with. key: of the set, if its content is to be encrypted.
    """

    def __init__(
        self, backend: Backend, folder: Folder, location: Location, timestamp: str, claim: Claim, keyring: Keyring
    ) -> None:
        self.timestamp = timestamp
        self.keyring = keyring
        self.key = SetKey.make() if keyring else None
        self._backend = backend
        self._folder = folder
        self._location = location
        self._claim = claim
        self._written: list[str] = []
        self._named: list[str] = []
        self._complete = False
        self._vouched = False

    @classmethod
    def claim(
        cls, backend: Backend, folder: Folder, location: Location, timestamps: Iterator[str], keyring: Keyring
    ) -> "Draft":
        """Take the first timestamp that no set, done or under way, has. Raises BackupExists if there is none."""
        for timestamp in timestamps:
            try:
                claim = folder.claim(claim_name(timestamp))
            except FileExistsError:
                continue
            try:
                taken = any(timestamp_of(name) == timestamp for name in folder.names())
            except BaseException:
                _give_up(claim)
                raise
            if not taken:
                return cls(backend, folder, location, timestamp, claim, keyring)
            _give_up(claim)
        raise BackupExists(say("set_exists"))

    @contextmanager
    def create(self, name: str) -> Iterator[Writable]:
        """A file for writing. It is safely stored when the `with` ends; no set is published with one that failed."""
        self._claim.expect_awake()
        self._written.append(name)
        with self._folder.write(name) as file:
            yield file

    def file(self, name: str) -> StoredFile:
        """A file that was written, to be read back before it is published."""
        return StoredFile.found(self._backend, self._folder, self._location, name, self._folder.unpublished(name))

    def publish(self, manifest: bytes | None) -> None:
        """Let everybody see the set, whole: its manifest, if it has one, goes last.

        Raises ServiceUnavailable if the claim was lost meanwhile.
        """
        self._claim.expect_ours()
        try:
            for name in self._written:
                self._named.append(name)  # even if this fails: where an answer is lost, it is done all the same
                self._folder.publish(name)
            self._folder.sync()  # the manifest never reaches the storage before what it vouches for
            if manifest is not None:
                name = manifest_name(self.timestamp)
                self._named.append(name)
                self._folder.create(name, manifest)
                self._folder.sync()
        except FileExistsError:
            self._named.remove(name)
            raise InternalError(say("set_written_by_another"), can_retry=True) from None
        self._complete, self._vouched = True, manifest is not None

    def close(self) -> None:
        """End the claim of a set that is published, or remove what was written."""
        if not self._complete:
            self._discard()
        elif self._vouched:
            # It is published whether or not its claim goes: rows may be gone by now that only it holds. A claim that
            # can't be removed is left to the next sweep.
            _give_up(self._claim)
        else:
            self._claim.release()

    def _discard(self) -> None:
        """Remove what was not published, and then the claim; what can't be removed now is swept later.

        Where the claim was lost nothing under this timestamp is ours any more.
        """
        try:
            if self._written:
                self._claim.expect_ours()
            # The manifest first: what it vouches for goes with it.
            for name in [*reversed(self._named), *map(self._folder.unpublished, self._written)]:
                self._folder.delete(name)
        except ServiceError:
            self._claim.abandon()
        else:
            _give_up(self._claim)


def _give_up(claim: Claim) -> None:
    """End a claim that nothing depends on; one that can't be removed is left to the next sweep."""
    with suppress(ServiceError):
        claim.release()
