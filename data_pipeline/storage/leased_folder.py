"""Who reads a set in object storage, and who removes it: marks beside it, since there are no locks.

Who reads puts a hold, who removes puts a removal; each puts his own first and looks for the other's second. Where
listings are up to date, as S3's are, one of them always sees the other. Marks that went stale count for nothing.
"""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from common.errors import InternalError, OperationInProgress, StorageUnsupported
from common.messages import say
from data_pipeline.storage.lease import Lease, stale
from data_pipeline.storage.location import Location
from data_pipeline.storage.s3.bucket import Bucket, Entry
from data_pipeline.storage.s3.stream import key_of, prefix_of

MARK = re.compile(r"\.vector_backup_([0-9]{8}_[0-9]{6})\.(?:[0-9a-f]{32}\.hold|removal)")


@contextmanager
def reading(bucket: Bucket, location: Location, timestamp: str) -> Iterator[None]:
    """Keep a set from being removed meanwhile. Raises OperationInProgress if it is being removed.

    A service that may read here but not write goes on without a hold: its restore fails if the set is removed
    meanwhile. So does one whose store refuses the hold: it refuses a removal as well.
    """
    try:
        hold = Lease(bucket, key_of(location, f".vector_backup_{timestamp}.{uuid.uuid4().hex}.hold"))
    except (InternalError, StorageUnsupported):
        yield
        return
    try:
        if _marks(bucket, location, _removal(timestamp)):
            raise _in_use(location, say("set_being_deleted"))
        yield
    finally:
        hold.release()


@contextmanager
def removing(bucket: Bucket, location: Location, timestamp: str) -> Iterator[None]:
    """Keep a set from being read meanwhile. Raises OperationInProgress if somebody reads or removes it."""
    try:
        removal = Lease(bucket, key_of(location, _removal(timestamp)))
    except FileExistsError:
        raise _in_use(location, say("set_being_deleted")) from None
    try:
        if _marks(bucket, location, f".vector_backup_{timestamp}.", ".hold"):
            raise _in_use(location, say("set_in_use"))
        yield
    finally:
        removal.release()


def _marks(bucket: Bucket, location: Location, start: str, end: str = "") -> list[Entry]:
    """The marks in force whose names begin and end so."""
    found = bucket.entries(prefix_of(location))[1]
    marks = [entry for entry in found if entry.name.startswith(start) and entry.name.endswith(end)]
    gone = stale(bucket, marks)
    return [entry for entry in marks if entry not in gone]


def _removal(timestamp: str) -> str:
    return f".vector_backup_{timestamp}.removal"


def _in_use(location: Location, text: str) -> OperationInProgress:
    return OperationInProgress(say("about", reason=text, subject=location.relative_path), can_retry=True)
