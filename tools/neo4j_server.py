"""A Neo4j for tests and examples: `make neo4j` has Maven fetch it, `python -m tools.neo4j_server PORT` runs it.

Neo4j 5, Community Edition, from Maven Central (`org.neo4j:neo4j`, 237 jars, 128 MB), on Java 17. Nothing of it is part
of this project or its package.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

VERSION = "5.26.0"
LIBRARIES = Path(__file__).resolve().parent.parent / ".local" / "neo4j" / VERSION
PASSWORD = "s3cret-of-the-graph"
START_SECONDS = 180
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>neo4j-of-tests</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.neo4j</groupId><artifactId>neo4j</artifactId><version>{VERSION}</version></dependency>
    <dependency><groupId>org.neo4j</groupId><artifactId>neo4j-bolt</artifactId><version>{VERSION}</version></dependency>
  </dependencies>
</project>
"""
CONFIGURATION = """server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:{port}
server.http.enabled=false
server.https.enabled=false
server.memory.heap.initial_size=192m
server.memory.heap.max_size=384m
server.memory.pagecache.size=32m
dbms.usage_report.enabled=false
"""
OPENED = ("java.base/java.nio", "java.base/java.io", "java.base/sun.nio.ch", "java.base/java.lang")


def is_there() -> bool:
    """Whether it can be run: Java, and the jars that `make neo4j` fetches."""
    return shutil.which("java") is not None and LIBRARIES.is_dir()


def fetch() -> None:
    """Have Maven put the jars where is_there() looks; a directory gets its name when it is complete."""
    if LIBRARIES.is_dir():
        return
    LIBRARIES.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=LIBRARIES.parent) as name:
        work = Path(name)
        (work / "pom.xml").write_text(POM, encoding="utf-8")
        copy = ["dependency:copy-dependencies", f"-DoutputDirectory={work / 'lib'}", "-DincludeScope=runtime"]
        subprocess.run(["mvn", "-q", "-B", *copy], cwd=work, check=True)
        (work / "lib").rename(LIBRARIES)


class Neo4jServer:
    """Running from start() to stop(); its user is neo4j, with PASSWORD."""

    def __init__(self, home: Path, port: int) -> None:
        self._home = home
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None
        (home / "conf").mkdir(parents=True)
        (home / "conf" / "neo4j.conf").write_text(CONFIGURATION.format(port=port), encoding="utf-8")

    @property
    def url(self) -> str:
        return f"bolt://neo4j:{PASSWORD}@127.0.0.1:{self.port}"

    def start(self) -> "Neo4jServer":
        opens = [f"--add-opens={package}=ALL-UNNAMED" for package in OPENED]
        java = ["java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *opens, "-cp", f"{LIBRARIES}/*"]
        where = [f"--home-dir={self._home}", f"--config-dir={self._home / 'conf'}"]
        with open(self._home / "server.log", "ab") as log:
            command = [*java, "org.neo4j.server.CommunityEntryPoint", *where]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self._wait()
        return self

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _wait(self) -> None:
        """Until it takes the password, which a new server wants to be changed first."""
        import neo4j

        errors = (neo4j.exceptions.DriverError, neo4j.exceptions.Neo4jError)
        deadline = time.monotonic() + START_SECONDS
        place = f"bolt://127.0.0.1:{self.port}"
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            time.sleep(0.2)
            if not self._listens():  # a driver would try again and again by itself, ever more slowly
                continue
            with suppress(*errors), neo4j.GraphDatabase.driver(place, auth=("neo4j", PASSWORD)) as driver:
                driver.verify_connectivity()
                return
            with suppress(*errors), neo4j.GraphDatabase.driver(place, auth=("neo4j", "neo4j")) as driver:
                change = "ALTER CURRENT USER SET PASSWORD FROM 'neo4j' TO $new"
                driver.execute_query(change, new=PASSWORD, database_="system")
        raise RuntimeError(f"Neo4j did not start, see {self._home / 'server.log'}")

    def _listens(self) -> bool:
        with socket.socket() as client:
            client.settimeout(1)
            return client.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def running(port: int) -> Iterator[Neo4jServer]:
    """In a directory of its own, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="neo4j-") as name:
        server = Neo4jServer(Path(name), port)
        try:
            yield server.start()
        finally:
            server.kill()


if __name__ == "__main__":
    if sys.argv[1:] == ["fetch"]:
        fetch()
    else:
        with running(int(sys.argv[1])) as made, suppress(KeyboardInterrupt):
            print(f"{made.url} (pid {os.getpid()}), until Ctrl-C", flush=True)
            while True:
                time.sleep(1)
