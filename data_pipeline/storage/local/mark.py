"""What tells the directory that was set up as a storage from the one that is there while its disk isn't mounted."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from common.errors import PermissionDenied, ServiceError, ServiceUnavailable
from common.messages import say
from data_pipeline.storage.local.directory import open_directory
from data_pipeline.storage.local.file_faults import named

MARK = ".vector_backup_storage"
"""A file in the directory. That there is one counts, not what it holds."""

TEXT = b"Backups are kept here. Without this file the service takes the directory for one that is not mounted.\n"


class Memory(Protocol):
    """Where it is remembered that a directory has had its mark. Both raise ServiceError."""

    def has(self) -> bool: ...

    def put(self) -> None: ...


class DirectoryMark:
    """The mark of one directory. path: its logical one.

    A directory without a mark that has never had one is as good as any: it is new, or from before there were marks.
    """

    def __init__(self, root: Path, path: str, memory: Memory) -> None:
        self._root = root
        self._path = path
        self._memory = memory
        self._remembered = False

    def expect(self) -> None:
        """Raise ServiceUnavailable unless it is the directory that was set up, as far as that can be known."""
        lost = False
        with suppress(ServiceError):  # what is remembered is out of reach: no reason to keep its sets from a restore
            lost = self._is_lost()
        if lost:
            raise self._missing()

    def set(self) -> None:
        """The same before something is written there; the directory, which exists, gets its mark if it is new.

        Where the memory is out of reach the mark is remembered the next time.
        """
        if self._is_lost():
            raise self._missing()
        if not self._is_there():
            with suppress(PermissionDenied), named(self._path):  # only directories below it may be written to
                self._make()
        if not self._remembered:
            with suppress(ServiceError):
                self._memory.put()
                self._remembered = True

    def _is_there(self) -> bool:
        try:
            return stat.S_ISREG(os.lstat(self._root / MARK).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:  # who may not look into the directory is told so by what is done there
            return True

    def _is_lost(self) -> bool:
        """Whether the mark is gone. Looked for twice: another writer may have made it, and told so, in between."""
        return not self._is_there() and self._memory.has() and not self._is_there()

    def _make(self) -> None:
        with open_directory(self._root, ()) as directory, suppress(FileExistsError):
            with directory.create(MARK) as file:
                file.write(TEXT)
            directory.sync()

    def _missing(self) -> ServiceUnavailable:
        return ServiceUnavailable(say("storage_not_mounted", path=self._path, mark=MARK), can_retry=True)
