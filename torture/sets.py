"""The files of a backup set on disk, and other bytes in their place."""

from dataclasses import dataclass
from pathlib import Path

from torture.client import Client

COLLECTION, EMBEDDING = "langchain_pg_collection", "langchain_pg_embedding"
SUFFIXES = {"csv": "csv", "binary": "pgcopy"}


@dataclass(frozen=True)
class BackupFiles:
    """A set's three files as they were written: bytes by name."""

    directory: Path
    timestamp: str
    format: str
    whole: dict[str, bytes]

    @property
    def collection(self) -> str:
        return f"{COLLECTION}_{self.timestamp}.{SUFFIXES[self.format]}"

    @property
    def embedding(self) -> str:
        return f"{EMBEDDING}_{self.timestamp}.{SUFFIXES[self.format]}"

    @property
    def manifest(self) -> str:
        return f"vector_backup_{self.timestamp}.json"

    @property
    def names(self) -> tuple[str, str, str]:
        return self.collection, self.embedding, self.manifest

    def write(self, changes: dict[str, bytes]) -> None:
        """Put other bytes into some of the files, or further files beside them."""
        for name, data in changes.items():
            (self.directory / name).write_bytes(data)

    def undo(self, changes: dict[str, bytes]) -> None:
        for name in changes:
            if name in self.whole:
                (self.directory / name).write_bytes(self.whole[name])
            else:
                (self.directory / name).unlink()


def take(client: Client, output: Path, file_format: str) -> BackupFiles:
    """Back up the service's database. Raises AssertionError unless that works."""
    answer = client.backup(format=file_format)
    if answer.status != 200:
        raise AssertionError(f"a backup failed: {answer}")
    timestamp = answer.data["backup_timestamp"]
    directory = output / "vector_bak"
    files = BackupFiles(directory, timestamp, file_format, {})
    files.whole.update({name: (directory / name).read_bytes() for name in files.names})
    return files


def leftovers(directory: Path, listed: set[str]) -> list[str]:
    """Files that belong to no listed set, the log apart."""
    names = sorted(path.name for path in directory.iterdir() if path.name != "vector_backup_log.txt")
    return [name for name in names if not any(stamp in name and not name.startswith(".") for stamp in listed)]


def remove(directory: Path, timestamp: str) -> None:
    for path in directory.glob(f"*{timestamp}*"):
        path.unlink(missing_ok=True)
