"""What every scenario stands on: a directory, a seed, servers, services; all of it gone at the end."""

import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from data_pipeline.postgres_server import embedded
from data_pipeline.postgres_server.cluster import MAJOR
from torture.postgres import Database, Server
from torture.service import STOP_SECONDS, Service, ServiceFailed


class World:
    """One run of the harness. Everything it makes is below `home`."""

    def __init__(self, seed: str, home: Path, cleanup: ExitStack) -> None:
        self.seed = seed
        self.home = home
        self._cleanup = cleanup
        self._servers: dict[int, Server] = {}
        self._services = 0
        # The services' job queue. It outlives them: a service that is killed stops nothing.
        self._queue = home / "queue"
        cleanup.callback(embedded.start(self._queue).stop)
        cleanup.callback(_stop_leftovers, home)

    def chance(self, name: str) -> random.Random:
        """A scenario's own random numbers, the same for the same seed, whichever scenarios run beside it."""
        return random.Random(f"{self.seed}/{name}")

    def server(self, major: int = MAJOR) -> Server:
        """The running server of a major version, made when the first scenario asks for it."""
        if major not in self._servers:
            server = Server(self.home / f"postgres{major}", major)
            self._cleanup.callback(server.shut_down)
            self._servers[major] = server
        return self._servers[major]

    @contextmanager
    def output(self, name: str) -> Iterator[Path]:
        """An output directory with the whole system's location in it, removed afterwards."""
        directory = self.home / f"output-{name}"
        (directory / "vector_bak").mkdir(parents=True)
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    @contextmanager
    def service(self, database: Database | str, output: Path, **env: str) -> Iterator[Service]:
        """A service for a database, or the URL of one; stopped afterwards."""
        self._services += 1
        url = database if isinstance(database, str) else database.url
        log = self.home / f"service-{self._services}.log"
        ours = {"DATABASE_URL": url, "OUTPUT_DIRECTORY": str(output), "EMBEDDED_DATA_DIR": str(self._queue)}
        service = Service(self.home, log, ours | env)
        try:
            yield service
        finally:
            status = service.process.poll()
            service.stop()
            if status is not None:
                raise ServiceFailed(f"the service ended by itself, status {status}: {service.last_words()}")


@contextmanager
def new(seed: str) -> Iterator[World]:
    """A world of its own in the directory for temporary files."""
    home = Path(tempfile.mkdtemp(prefix="torture-"))
    home.chmod(0o711)  # root's PostgreSQL runs as another user, who has to get to its files
    with ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, home, ignore_errors=True)
        cleanup.callback(_remove_short_paths, home)
        yield World(seed, home, cleanup)


def _stop_leftovers(home: Path) -> None:
    """Services that were started in the very moment the harness was told to stop: nobody has hold of them."""
    left = [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(home)]
    for process in left:
        process.terminate()
    for process in psutil.wait_procs(left, STOP_SECONDS)[1]:
        process.kill()


def _remove_short_paths(home: Path) -> None:
    """What services that were killed have left: links to a socket below `home` whose own path is too long."""
    for path in Path(tempfile.gettempdir()).glob("pg-*"):
        link = path / "data"
        if link.is_symlink() and link.readlink().is_relative_to(home.resolve()):
            shutil.rmtree(path, ignore_errors=True)
