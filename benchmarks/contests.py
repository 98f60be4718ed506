"""What is measured: every job with all who can do it, from the same rows, files and starting state."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks import listing, memory, race
from benchmarks.data import Database
from benchmarks.limit import Limit
from benchmarks.object_store import ObjectStore
from benchmarks.peers import OUR_INDEX_SETTINGS, Peers
from benchmarks.race import Contender, Race
from benchmarks.service import BUCKET, DISK, Service
from benchmarks.shapes import EVERYDAY, LONG_VECTORS, SEARCHED, SHAPES, Shape
from benchmarks.sizes import Sizes

OURS_CSV, OURS_BINARY, OURS_LIST = "this service, CSV", "this service, binary", "this service over HTTP"
SWAP_BINARY = "this service, swap, binary"
SYNC_CSV, SYNC_BINARY = "this service, sync after drift, CSV", "this service, sync after drift, binary"
LIMIT = "the limit: binary COPY from memory"
OURS_ZSTD = "this service, CSV, zstd"
BACKUP_CSV, BACKUP_ZSTD = "this service, backup, CSV", "this service, backup, CSV, zstd"
PSQL, EXPORTER = r"psql \copy, CSV", "old exporter, csv.writer"
PG_DUMP, PG_RESTORE = "pg_dump -Fc", "pg_restore -j2 -c"
PG_RESTORE_TUNED = "pg_restore -j2 -c, our index settings"
BUCKET_CSV, BUCKET_BINARY = "this service, S3 server, CSV", "this service, S3 server, binary"
BARE_CSV, BARE_BINARY = "obstore, the same CSV files", "obstore, the same binary files"
BARE_WALK = "bare scandir + stat walk"

SMALL_ROWS = 58
SMALL_ROUNDS = 5
"""What takes milliseconds is repeated this many times as often."""
LARGE_FACTOR = 3
"""The larger file of the memory test."""


class WrongRows(RuntimeError):
    """A contender ended without an error, but not with the rows of the backup."""


@dataclass(frozen=True)
class Bench:
    """What the contests are held on."""

    sizes: Sizes
    database: Database
    service: Service
    peers: Peers
    store: ObjectStore | None
    """None where no compiled S3 server has been built."""

    def race(self, title: str, contenders: list[Contender], rounds: int) -> Race:
        print(f"{title}: {rounds} rounds", file=sys.stderr, flush=True)
        return race.run(title, contenders, rounds, settle=self.database.checkpoint)

    @contextmanager
    def backed_up(self, *formats: str, storage: str = DISK) -> Iterator[list[str]]:
        """Sets of the service's own, in these formats, for as long as the block runs. Gives their timestamps."""
        timestamps = [self.service.backup(file_format, storage) for file_format in formats]
        try:
            yield timestamps
        finally:
            for timestamp in timestamps:
                self.service.delete(timestamp, storage)

    def same_rows(self) -> Callable[[object], None]:
        """A check that the rows are those of this moment."""
        expected = self.database.fingerprint()

        def check(_result: object) -> None:
            if self.database.fingerprint() != expected:
                raise WrongRows("the rows after a restore are not those of the backup")

        return check


@dataclass(frozen=True)
class MemoryUse:
    """Peak memory of the service, in bytes, with a table of `rows` that is `file_bytes` of CSV in a storage."""

    storage: str
    rows: int
    file_bytes: int
    backup: int
    restore: int

    @property
    def peak(self) -> int:
        return max(self.backup, self.restore)


@dataclass(frozen=True)
class Results:
    """All that was measured."""

    sizes: Sizes
    races: dict[str, Race]
    memory: list[MemoryUse]
    packed: float
    """Bytes of compressed CSV, of those of plain CSV."""


def hold(bench: Bench) -> Results:
    """Hold all contests, one after the other."""
    races = {shape.key: _reload(bench, shape) for shape in SHAPES}
    races["packed"], packed = _pack(bench)
    bench.database.fill(bench.sizes.rows, LONG_VECTORS)
    races["backup"] = _backup(bench)
    if bench.store:
        races |= {"bucket_backup": _backup_to_bucket(bench, bench.store), "bucket_restore": _restore_from_bucket(bench)}
    uses = [_memory_use(bench, DISK)]
    bench.database.multiply(LARGE_FACTOR)
    uses += [_memory_use(bench, storage) for storage in ((DISK, BUCKET) if bench.store else (DISK,))]
    bench.database.fill(bench.sizes.hnsw_rows, SEARCHED)
    races |= {"archive": _archive(bench), "hnsw": _replace_with_hnsw(bench)}
    bench.database.fill(SMALL_ROWS)
    races |= {"small": _small(bench), "list": _list(bench)}
    return Results(bench.sizes, races, uses, packed)


def _reload(bench: Bench, shape: Shape) -> Race:
    """Timed: TRUNCATE of full tables, load, indexes, commit. All CSV is one and the same file."""
    rows = max(1, round(bench.sizes.rows * shape.share))
    bench.database.fill(rows, shape)
    service, peers, check, limit = bench.service, bench.peers, bench.same_rows(), Limit.of(bench.database)
    with bench.backed_up("csv", "binary") as (as_csv, as_binary):
        contenders = [
            Contender(LIMIT, limit.replace, check=check),
            Contender(PSQL, lambda: peers.psql_in(service.directory, as_csv), check=check),
            Contender(OURS_CSV, lambda: service.replace(as_csv), check=check),
            Contender(OURS_BINARY, lambda: service.replace(as_binary), check=check),
        ]
        if shape == LONG_VECTORS:
            contenders.append(Contender(SWAP_BINARY, lambda: service.swap(as_binary), check=check))
        return bench.race(f"Reload {rows:,} rows: {shape.title}", contenders, bench.sizes.pairs)


def _pack(bench: Bench) -> tuple[Race, float]:
    """Timed: backup and reload of plain and of compressed CSV. And how large the one is beside the other."""
    rows = round(bench.sizes.rows * EVERYDAY.share)
    bench.database.fill(rows, EVERYDAY)
    service, check = bench.service, bench.same_rows()
    with bench.backed_up("csv", "csv.zst") as (plain, packed):
        contenders = [
            Contender(OURS_CSV, lambda: service.replace(plain), check=check),
            Contender(OURS_ZSTD, lambda: service.replace(packed), check=check),
            Contender(BACKUP_CSV, lambda: service.backup("csv"), check=service.remove),
            Contender(BACKUP_ZSTD, lambda: service.backup("csv.zst"), check=service.remove),
        ]
        found = bench.race(f"Compress {rows:,} rows: {EVERYDAY.title}", contenders, bench.sizes.repeats)
        return found, service.size(packed) / service.size(plain)


def _backup(bench: Bench) -> Race:
    """Timed: both tables into files. The service hashes, fsyncs and describes what it writes; the others don't."""
    service, peers = bench.service, bench.peers
    contenders = [
        Contender(EXPORTER, peers.old_exporter, check=peers.remove),
        Contender(PSQL, peers.psql_out, check=peers.remove),
        Contender(OURS_CSV, lambda: service.backup("csv"), check=service.remove),
        Contender(OURS_BINARY, lambda: service.backup("binary"), check=service.remove),
    ]
    return bench.race(f"Back up {bench.sizes.rows:,} rows", contenders, bench.sizes.repeats)


def _archive(bench: Bench) -> Race:
    """Timed: as above. pg_dump compresses, which would take minutes of the larger table's rounds."""
    service, peers = bench.service, bench.peers
    contenders = [
        Contender(PG_DUMP, peers.pg_dump, check=peers.remove),
        Contender(OURS_CSV, lambda: service.backup("csv"), check=service.remove),
        Contender(OURS_BINARY, lambda: service.backup("binary"), check=service.remove),
    ]
    return bench.race(f"Back up {bench.sizes.hnsw_rows:,} rows with HNSW", contenders, bench.sizes.repeats)


def _backup_to_bucket(bench: Bench, store: ObjectStore) -> Race:
    """Timed: the same backup to the disk and to an S3 server of this machine, which shares its cores with us.

    And an upload of the finished files alone: the server can't take them sooner than that.
    """
    service = bench.service

    def ours(name: str, file_format: str, storage: str) -> Contender:
        return Contender(
            name,
            lambda: service.backup(file_format, storage),
            check=lambda timestamp: service.delete(timestamp, storage),
        )

    def bare(name: str, timestamp: str) -> Contender:
        paths = sorted(service.directory.glob(f"langchain_*_{timestamp}.*"))
        return Contender(name, lambda: store.upload(paths), check=lambda _: store.remove(paths))

    with bench.backed_up("csv", "binary") as (as_csv, as_binary):
        contenders = [
            ours(OURS_CSV, "csv", DISK),
            ours(BUCKET_CSV, "csv", BUCKET),
            bare(BARE_CSV, as_csv),
            ours(OURS_BINARY, "binary", DISK),
            ours(BUCKET_BINARY, "binary", BUCKET),
            bare(BARE_BINARY, as_binary),
        ]
        return bench.race(f"Back up {bench.sizes.rows:,} rows, disk and S3 server", contenders, bench.sizes.repeats)


def _restore_from_bucket(bench: Bench) -> Race:
    """Timed: the same restore from either."""
    service, check = bench.service, bench.same_rows()
    with (
        bench.backed_up("csv", "binary") as (disk_csv, disk_binary),
        bench.backed_up("csv", "binary", storage=BUCKET) as (bucket_csv, bucket_binary),
    ):
        contenders = [
            Contender(OURS_CSV, lambda: service.replace(disk_csv), check=check),
            Contender(BUCKET_CSV, lambda: service.replace(bucket_csv, BUCKET), check=check),
            Contender(OURS_BINARY, lambda: service.replace(disk_binary), check=check),
            Contender(BUCKET_BINARY, lambda: service.replace(bucket_binary, BUCKET), check=check),
        ]
        return bench.race(f"Restore {bench.sizes.rows:,} rows, disk and S3 server", contenders, bench.sizes.repeats)


def _replace_with_hnsw(bench: Bench) -> Race:
    """Timed: from full tables with all indexes to full tables with all indexes.

    pg_restore drops and makes the tables themselves; the others TRUNCATE. Before a sync, and not timed, a part of the
    restored rows is changed.
    """
    service, peers, check = bench.service, bench.peers, bench.same_rows()
    peers.pg_dump()
    with bench.backed_up("csv", "binary") as (as_csv, as_binary):
        contenders = [
            Contender(PG_RESTORE, lambda: peers.pg_restore("-j2"), check=check),
            Contender(PG_RESTORE_TUNED, lambda: peers.pg_restore("-j2", settings=OUR_INDEX_SETTINGS), check=check),
            Contender(OURS_CSV, lambda: service.replace(as_csv), check=check),
            Contender(OURS_BINARY, lambda: service.replace(as_binary), check=check),
            Contender(SWAP_BINARY, lambda: service.swap(as_binary), check=check),
            Contender(SYNC_CSV, lambda: service.sync(as_csv), bench.database.drift, check),
            Contender(SYNC_BINARY, lambda: service.sync(as_binary), bench.database.drift, check),
        ]
        return bench.race(f"Replace {bench.sizes.hnsw_rows:,} rows with HNSW", contenders, bench.sizes.repeats)


def _small(bench: Bench) -> Race:
    """Timed: as in a restore of many rows."""
    service, peers, check = bench.service, bench.peers, bench.same_rows()
    with bench.backed_up("csv") as (as_csv,):
        contenders = [
            Contender(PSQL, lambda: peers.psql_in(service.directory, as_csv), check=check),
            Contender(OURS_CSV, lambda: service.replace(as_csv), check=check),
        ]
        return bench.race(f"Restore {SMALL_ROWS} rows", contenders, SMALL_ROUNDS * bench.sizes.repeats)


def _list(bench: Bench) -> Race:
    """Timed: until the last byte of the answer is there; against a walk of the same tree that makes nothing of it."""
    service, sets = bench.service, bench.sizes.sets
    with bench.backed_up("csv") as (timestamp,):
        listing.multiply(service.output, timestamp, sets)
        contenders = [
            Contender(BARE_WALK, lambda: listing.walk(service.output)),
            Contender(OURS_LIST, service.listing, check=lambda answer: _expect_sets(answer, sets)),
        ]
        return bench.race(f"List {sets:,} backup sets", contenders, SMALL_ROUNDS * bench.sizes.repeats)


def _expect_sets(answer: bytes, sets: int) -> None:
    summary: dict[str, Any] = json.loads(answer)["data"]["summary"]
    if summary["total_backup_sets"] != sets:
        raise WrongRows(f"the list has {summary['total_backup_sets']} of {sets} sets")


def _memory_use(bench: Bench, storage: str) -> MemoryUse:
    """Backed up and restored again, in CSV; nothing is timed, since looking at a process slows it down."""
    service, check = bench.service, bench.same_rows()
    with memory.watched(service.pid) as backup:
        timestamp = service.backup("csv", storage)
    with memory.watched(service.pid) as restore:
        restored = service.replace(timestamp, storage)
    check(restored)
    tables = restored["restore_results"].values()
    size, rows = (sum(table[key] for table in tables) for key in ("file_bytes", "rows_restored"))
    service.delete(timestamp, storage)
    return MemoryUse(storage, rows, size, backup.bytes, restore.bytes)
