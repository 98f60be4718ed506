"""What the operating system refuses of a file or a directory, as our errors: which one it is, and why."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from common.errors import InternalError, PermissionDenied, ServiceError, ServiceUnavailable, StorageFull
from common.messages import say
from data_pipeline.storage.base import Writable

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})  # the disk, a quota, a limit on one file's size
REFUSED = {
    errno.EACCES: say("no_permission"),
    errno.EPERM: say("no_permission"),
    errno.EROFS: say("file_system_read_only"),
}
"""What stays so until the system's owner changes it."""

SCARCE = frozenset({errno.EMFILE, errno.ENFILE})


def translated(error: OSError, path: str) -> ServiceError:
    """The answer for what happened to a file or directory. path: its logical path."""
    name = path.rpartition("/")[2]
    if error.errno in NO_SPACE:
        return StorageFull(say("backup_storage_full"), can_retry=False)
    if error.errno in REFUSED:
        reason = REFUSED[error.errno]
        return PermissionDenied(
            say("about", reason=reason, subject=path), can_retry=False, details={"file": name, "reason": reason}
        )
    if isinstance(error, NotADirectoryError | FileExistsError):
        return InternalError(say("backup_storage_unwritable", path=path), can_retry=False)
    reason = say("too_many_open_files") if error.errno in SCARCE else say("disk_failed")
    return ServiceUnavailable(
        say("about", reason=reason, subject=path), can_retry=True, details={"file": name, "reason": reason}
    )


@contextmanager
def named(path: str) -> Iterator[None]:
    """Raise what the operating system refuses inside as a ServiceError about this logical path."""
    try:
        yield
    except OSError as error:
        raise translated(error, path) from error


class NamedStream:
    """An open file for reading, whose failures say which one it is."""

    def __init__(self, file: BinaryIO, path: str) -> None:
        self._file = file
        self._path = path

    def read(self, length: int, /) -> bytes:
        with named(self._path):
            return self._file.read(length)

    def seek(self, offset: int, /) -> None:
        with named(self._path):
            self._file.seek(offset)


class NamedWriter:
    """The same for a file that is written."""

    def __init__(self, file: Writable, path: str) -> None:
        self._file = file
        self._path = path

    def write(self, data: bytes, /) -> None:
        with named(self._path):
            self._file.write(data)
