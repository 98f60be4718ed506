"""The others: PostgreSQL's own psql, pg_dump and pg_restore, and the code that this service took the place of."""

import csv
import os
import subprocess
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.data import Database
from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.postgres.schema import index_build
from data_pipeline.postgres_server.embedded import binaries
from data_pipeline.storage.naming import Kind, table_file

TRUNCATE = "TRUNCATE langchain_pg_collection, langchain_pg_embedding"
OPTIONS = "with (format csv, header true)"
BATCH = 10_000
"""Rows the old exporter fetched at a time."""

OUR_INDEX_SETTINGS = " ".join(f"-c {name}={value}" for name, value in index_build.PARALLEL.items())
"""What the service sets while it builds indexes, with its default configuration."""


class PeerFailed(RuntimeError):
    """A tool ended with an error."""


@dataclass(frozen=True)
class Peers:
    """Every method does one whole job, from starting the program to its end; that is what is timed."""

    database: Database
    work: Path

    @property
    def dump(self) -> Path:
        """The archive that pg_dump writes and pg_restore reads."""
        return self.work / "tables.dump"

    def psql_in(self, directory: Path, timestamp: str) -> None:
        """Replace both tables from CSV files, in one transaction."""
        files = _files(directory, timestamp)
        self._psql(TRUNCATE, *(rf"\copy {name} from '{path}' {OPTIONS}" for name, path in files))

    def psql_out(self) -> None:
        """Both tables into CSV files, from one snapshot."""
        snapshot = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
        self._psql(snapshot, *(rf"\copy {name} to '{self._csv(name)}' {OPTIONS}" for name in DOCUMENTED.names))

    def old_exporter(self) -> None:
        """Both tables fetched into Python and written by csv.writer."""
        with closing(self.database.connect()) as connection, connection.cursor() as cursor:
            for name in DOCUMENTED.names:
                with self._csv(name).open("w", encoding="utf-8", newline="") as file:
                    writer = csv.writer(file)
                    cursor.execute(f"SELECT * FROM {name}")
                    writer.writerow(column.name for column in cursor.description or ())
                    while rows := cursor.fetchmany(BATCH):
                        writer.writerows(rows)

    def pg_dump(self) -> None:
        """Both tables into one compressed archive."""
        self._run("pg_dump", "-Fc", "-f", self.dump, *(f"--table={name}" for name in DOCUMENTED.names))

    def pg_restore(self, *options: str, settings: str = "") -> None:
        """Drop both tables, make and fill them anew from the archive, indexes and keys included.

        settings: for every session it opens, as PGOPTIONS takes them.
        """
        target = f"--dbname={self.database.target.dbname}"
        self._run("pg_restore", *options, "-c", "--if-exists", target, self.dump, settings=settings)

    def remove(self, _result: None) -> None:
        """Delete what was written, so that bringing it to the disk takes no time of another."""
        for path in (self.dump, *map(self._csv, DOCUMENTED.names)):
            path.unlink(missing_ok=True)

    def _csv(self, table: str) -> Path:
        return self.work / f"{table}.csv"

    def _psql(self, *commands: str) -> None:
        arguments = (argument for command in commands for argument in ("-c", command))
        self._run("psql", "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", *arguments)

    def _run(self, program: str, *arguments: str | Path, settings: str = "") -> None:
        result = subprocess.run(
            [binaries() / program, *arguments],
            env={**self._environment(), "PGOPTIONS": settings},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if result.returncode != 0:
            raise PeerFailed(f"{program}: {result.stderr.strip()}")

    def _environment(self) -> dict[str, str]:
        target = self.database.target
        ours = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return {
            **ours,
            "PGHOST": target.host,
            "PGPORT": str(target.port),
            "PGUSER": target.user,
            "PGPASSWORD": target.password or "",
            "PGDATABASE": target.dbname,
        }


def _files(directory: Path, timestamp: str) -> list[tuple[str, Path]]:
    return [(name, directory / table_file(name, timestamp, Kind("csv"))) for name in DOCUMENTED.names]
