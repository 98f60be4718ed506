"""Which pg_dump and pg_restore are run: those of PG_BIN, else of PATH, else those that come with the embedded server.

pg_dump reads servers of its own version and older. An archive is read by the pg_restore of the version that made it and
newer ones, and one of 17 or newer says things to a server that only these know.
"""

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common.errors import VersionMismatch
from common.messages import say
from data_pipeline.postgres_server.cluster import FOLDERS, EmbeddedServerError, binaries
from data_pipeline.stores.pg_database.contents import Contents

Program = Literal["pg_dump", "pg_restore"]
Source = Literal["PG_BIN", "PATH", "embedded"]

VERSION = re.compile(rb"\(PostgreSQL\) ((\d+)[^\s]*)")
NEW_SETTINGS = 17
"""From this version on pg_restore makes a setting (transaction_timeout) that older servers refuse."""


@dataclass(frozen=True)
class Tool:
    """A program that was found, and where."""

    path: Path
    version: str
    major: int
    source: Source

    @property
    def public(self) -> dict[str, str]:
        """What answers say of it."""
        return {"name": self.path.stem, "version": self.version, "source": self.source}


class Tools:
    """The programs of this machine. Methods raise VersionMismatch where none fits."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    def for_dump(self, server_major: int, server_version: str) -> Tool:
        """One of the server's own version, or else the next newer one."""
        found = [tool for tool in self._found("pg_dump") if tool.major >= server_major]
        if not found:
            raise _none_fits("pg_dump", say("dump_needs_newer", server=server_version), self._found("pg_dump"))
        return min(found, key=lambda tool: tool.major)  # of the same version the first source

    def for_restore(self, archive: Contents, server_major: int, server_version: str) -> Tool:
        """The newest that reads the archive and isn't newer than the server, if there is one."""
        if server_major < archive.server_major:
            text = say("restore_is_downward", archive=archive.server_version, server=server_version)
            raise VersionMismatch(text, can_retry=False, details=_versions(archive, server_version))
        able = [tool for tool in self._found("pg_restore") if tool.major >= archive.dump_major]
        fitting = [tool for tool in able if tool.major <= server_major]
        if fitting:
            return max(fitting, key=lambda tool: tool.major)
        newer = [tool for tool in able if tool.major < NEW_SETTINGS or server_major >= NEW_SETTINGS]
        if newer:
            return min(newer, key=lambda tool: tool.major)
        text = say("restore_needs_other", archive=archive.dump_version, server=server_version)
        raise _none_fits("pg_restore", text, self._found("pg_restore"), **_versions(archive, server_version))

    def reading(self, archive: Contents) -> Tool | None:
        """One that lists the archive; what it is restored into doesn't matter."""
        able = [tool for tool in self._found("pg_restore") if tool.major >= archive.dump_major]
        return min(able, key=lambda tool: tool.major, default=None)

    def _found(self, program: Program) -> list[Tool]:
        """Each there is, in the order of their sources."""
        tools = (_tool(str(path), source) for path, source in self._paths(program))
        return [tool for tool in tools if tool is not None]

    def _paths(self, program: Program) -> Iterator[tuple[Path, Source]]:
        name = f"{program}.exe" if os.name == "nt" else program
        if self._directory is not None:
            yield self._directory / name, "PG_BIN"
        for directory in os.get_exec_path():
            if there := shutil.which(program, path=directory):
                yield Path(there), "PATH"
        for major in FOLDERS:
            try:
                yield binaries(major) / name, "embedded"
            except EmbeddedServerError:
                return


def _none_fits(program: Program, text: str, found: Sequence[Tool], **more: str) -> VersionMismatch:
    details = {"program": program, "found": [tool.public for tool in found], **more}
    return VersionMismatch(text, can_retry=False, details=details)


def _versions(archive: Contents, server_version: str) -> dict[str, str]:
    return {
        "archive_server_version": archive.server_version,
        "archive_dump_version": archive.dump_version,
        "server_version": server_version,
    }


@functools.cache
def _tool(path: str, source: Source) -> Tool | None:
    """What a program says of itself; None for one that isn't there or says nothing of the kind."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, timeout=10, stdin=subprocess.DEVNULL).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = VERSION.search(said)
    return Tool(Path(path), found[1].decode("ascii", "replace"), int(found[2]), source) if found else None
