"""Where backup sets live, as answers and requests name it. Pure text: no path here touches a disk.

`./data_pipeline/training_data` is the logical name of the configured output directory, wherever that is. A location
is a directory below it: "vector_bak" for the whole system, "task_x/vector_bak" for one task. In another configured
storage the path has that storage's name before it: `archive:./data_pipeline/training_data/vector_bak`.
"""

import re
from dataclasses import dataclass

from common.errors import InvalidParams
from common.messages import say

LOGICAL_ROOT = "data_pipeline/training_data"
MAIN_STORAGE = "local"
"""What requests call the output directory where they choose among storages, wherever it is."""

STORAGE_NAME = re.compile(r"[A-Za-z0-9_-]{2,64}", re.ASCII)  # one letter alone is a drive of Windows
TASK_ID = re.compile(r"[A-Za-z0-9_]+", re.ASCII)
TASK_PREFIXES = ("task_", "manual_")
LONGEST_PATH = 1024
LONGEST_NAME = 255
# Not in any name: what ends or escapes a path on some system, percent signs (some clients encode twice), controls.
FORBIDDEN = re.compile(r'[\\%:*?"<>|\x00-\x1f\x7f]')


@dataclass(frozen=True)
class Location:
    """A directory of backup sets, by its parts below the output directory."""

    parts: tuple[str, ...]
    storage: str = MAIN_STORAGE

    @property
    def relative_path(self) -> str:
        """As answers show it and requests give it back: `./data_pipeline/training_data/…`."""
        path = "/".join((".", LOGICAL_ROOT, *self.parts))
        return path if self.storage == MAIN_STORAGE else f"{self.storage}:{path}"

    @property
    def task_id(self) -> str | None:
        return self.parts[0] if len(self.parts) > 1 else None

    def file(self, name: str) -> str:
        """The logical path of a file in this location."""
        return f"{self.relative_path}/{name}"


ROOT = Location(())
"""Where the locations lie. No set is there."""


def parse(backup_path: str) -> Location:
    """Read a request's backup_path. Raises InvalidParams for anything that is not a plain path below the root."""
    try:
        encoded = backup_path.encode()
    except UnicodeEncodeError:
        raise _outside() from None
    storage, separator, path = backup_path.rpartition(":")
    if len(encoded) > LONGEST_PATH or FORBIDDEN.search(path) or (separator and not STORAGE_NAME.fullmatch(storage)):
        raise _outside()
    path = path.removeprefix("./").rstrip("/")
    root, found, rest = path.partition(LOGICAL_ROOT + "/")
    if root or not found:
        raise _outside()
    parts = tuple(rest.split("/"))
    if any(not is_plain(part) for part in parts):
        raise _outside()
    return Location(parts, storage or MAIN_STORAGE)


def is_task_directory(name: str) -> bool:
    """Whether a directory below the root belongs to a task."""
    return name.startswith(TASK_PREFIXES) and bool(TASK_ID.fullmatch(name))


def check_task_id(task_id: str) -> None:
    """Raise InvalidParams unless the whole string is ASCII letters, digits and underscores."""
    if not TASK_ID.fullmatch(task_id) or len(task_id) > LONGEST_NAME:
        raise InvalidParams(say("task_id_invalid"))


def is_plain(part: str) -> bool:
    """Whether a part of a path names one thing directly below another, on every system."""
    return part not in ("", ".", "..") and len(part.encode()) <= LONGEST_NAME and not part.endswith((".", " "))


def is_name(part: str) -> bool:
    """Whether it names one directory that requests can name too."""
    return is_plain(part) and "/" not in part and not FORBIDDEN.search(part)


def _outside() -> InvalidParams:
    return InvalidParams(say("backup_path_invalid", root=LOGICAL_ROOT), details={"field": "backup_path"})
