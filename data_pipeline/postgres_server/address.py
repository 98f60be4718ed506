"""Where clients in this process reach a cluster's server."""

import os
import shutil
import tempfile
from pathlib import Path

from data_pipeline.postgres_server.cluster import WINDOWS

# A socket's address holds 104 bytes on macOS, 108 on Linux, with "/.s.PGSQL.65535" and the closing NUL.
LONGEST_SOCKET_DIRECTORY = 104 - 16


class Address:
    """The directory of the server's Unix socket; on Windows loopback."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._short_path: Path | None = None

    @property
    def host(self) -> str:
        """As libpq takes it."""
        return "127.0.0.1" if WINDOWS else str(self._socket_directory())

    def close(self) -> None:
        """Remove the link, if there is one."""
        if self._short_path is not None:
            shutil.rmtree(self._short_path)
            self._short_path = None

    def _socket_directory(self) -> Path:
        """The data directory, by a link of this process's own where libpq couldn't take its path."""
        fits = len(os.fsencode(self._data)) <= LONGEST_SOCKET_DIRECTORY
        if fits and "," not in str(self._data):  # libpq splits hosts at commas
            return self._data
        if self._short_path is None:
            self._short_path = Path(tempfile.mkdtemp(prefix="pg-"))
            (self._short_path / "data").symlink_to(self._data)
        return self._short_path / "data"
