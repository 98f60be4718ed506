"""What every kind of storage can find wrong, told the same by each."""

from common.errors import InvalidBackup, NotFound, OperationInProgress, ServiceUnavailable
from common.messages import say
from data_pipeline.storage.location import Location


def file_missing(location: Location, name: str) -> NotFound:
    return NotFound(say("backup_file_missing", path=location.file(name)))


def directory_missing(location: Location) -> NotFound:
    return NotFound(say("backup_directory_missing", path=location.relative_path))


def not_regular(path: str) -> InvalidBackup:
    """A link, a device, a FIFO, or a file where a directory should be."""
    return InvalidBackup(say("neither_file_nor_directory", path=path), details={"file": path.rpartition("/")[2]})


def changed(location: Location, name: str) -> InvalidBackup:
    return InvalidBackup(say("backup_file_changed", path=location.file(name)), details={"file": name})


def being_read(location: Location) -> OperationInProgress:
    return _in_use(location, say("set_in_use"))


def being_deleted(location: Location) -> OperationInProgress:
    return _in_use(location, say("set_being_deleted"))


def claim_lost() -> ServiceUnavailable:
    return ServiceUnavailable(say("set_lease_lost"), can_retry=True)


def _in_use(location: Location, text: str) -> OperationInProgress:
    return OperationInProgress(say("about", reason=text, subject=location.relative_path), can_retry=True)
