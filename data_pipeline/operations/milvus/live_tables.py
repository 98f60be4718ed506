"""A set of Milvus compared with live tables of PostgreSQL: with the rows that its restore would write there.

The tables are saved into a temporary directory first, from one snapshot, so that a long comparison holds no snapshot
open. Values are compared as binary COPY has them, vectors so to the bit; JSON by its value.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any

from common.errors import NotFound, SchemaMismatch
from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.operations.backup.operation import BackupOperation
from data_pipeline.operations.milvus.crossing.table_values import columns_of
from data_pipeline.operations.milvus.crossing.tables_of import KINDS, Table
from data_pipeline.operations.milvus.crossing.to_milvus import Value
from data_pipeline.operations.milvus.plan import in_set
from data_pipeline.operations.milvus.requests import IntoTables
from data_pipeline.operations.milvus.results import ComparedCollection
from data_pipeline.operations.milvus.seen import Hashed, told_apart
from data_pipeline.operations.milvus.sources import Source
from data_pipeline.operations.requests.backup import BackupRequest
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.storage import location

NULL = b"\xff\xff\xff\xff"
ALIKE = {"varchar": "text", "bpchar": "text", "citext": "text", "jsonb": "json"}
"""Types whose values are compared as another's."""

EXACT = Context(prec=150_000, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""More digits than PostgreSQL's numeric has, of which jsonb's numbers are."""


class LiveTables:
    """Of a PostgreSQL, compared with collections of a set. Raises ServiceError.

    into: what the collections are there. note: takes warnings.
    """

    def __init__(self, engine: Engine, source: Source, into: IntoTables, note: Callable[[Message], None]) -> None:
        self._engine = engine
        self._source = source
        self._into = into
        self._note = note

    def compared(self, names: Sequence[str], target: str | None) -> list[ComparedCollection]:
        """What differs, by collection. target: the PostgreSQL, by its configured name."""
        self._into.expect_in([one.name for one in self._source.facts.collections])
        tables = [KINDS[self._into.layout](in_set(self._source.facts, name), untried=True) for name in names]
        with self._saved(tables, target) as (apart, saved):
            return [self._compared(apart, saved, table) for table in tables]

    @contextmanager
    def _saved(self, tables: Sequence[Table], target: str | None) -> Iterator[tuple[Engine, BackupSet]]:
        """The live tables, as a set."""
        body: dict[str, Any] = {"layout": self._into.layout, "format": "binary"}
        if self._into.layout == DOCUMENTED.family:
            body["collections"] = [table.name for table in tables]
        else:
            body["tables"] = [".".join(self._into.table_of(table.name)) for table in tables]
        found = self._engine.databases.named(target)
        with tempfile.TemporaryDirectory(prefix="compare-") as directory:
            apart = self._engine.apart(found, Path(directory))
            made = BackupOperation(apart).run(BackupRequest.read(body))
            with apart.catalog.locked(location.parse(made.backup_directory), made.backup_timestamp) as saved:
                yield apart, saved

    def _compared(self, apart: Engine, saved: BackupSet, table: Table) -> ComparedCollection:
        name, owner = self._place(saved, table)
        columns = saved.manifest.tables[name].columns if saved.manifest else []
        theirs = {one.name: _alike(one.type) for one in columns if one.name != self._owner_column}
        mine = {one.name: _alike(one.type) for one in table.columns if one.name != self._owner_column}
        if theirs.get(table.key) != mine[table.key]:
            text = say("milvus_schema_differs", name=table.name, fields=table.key)
            raise SchemaMismatch(text, can_retry=False, details={"name": table.name, "fields": [table.key]})
        shared = {column: kind for column, kind in mine.items() if theirs.get(column) == kind}
        if left := (mine.keys() | theirs.keys()) - shared.keys():
            self._note(say("compare_fields_left", name=table.name, fields=", ".join(sorted(left))))
        rows = columns_of(apart, saved, name, owner)
        return told_apart(table.name, _hashed(self._rows(table), shared, table.key), _hashed(rows, shared, table.key))

    @property
    def _owner_column(self) -> str | None:
        """It isn't compared: a collection has another uuid wherever it is made."""
        documented = self._into.layout == DOCUMENTED.family
        return DOCUMENTED[DOCUMENTED.owned.member].owner_column if documented else None

    def _place(self, saved: BackupSet, table: Table) -> tuple[str, bytes | None]:
        """The table that has a collection's rows, and which of them, by the uuid of their collection."""
        if self._into.layout != DOCUMENTED.family:
            return ".".join(self._into.table_of(table.name)), None
        collections = saved.manifest.collections if saved.manifest else []
        found = next((one for one in collections if one.name == table.name), None)
        if found is None:
            raise NotFound(say("milvus_not_found", name=table.name, step="compare"), details={"name": table.name})
        return DOCUMENTED.owned.member, bytes.fromhex(found.uuid.replace("-", ""))

    def _rows(self, table: Table) -> Iterator[dict[str, list[Value]]]:
        """A collection's rows, as its restore would write them."""
        names = [one.name for one in table.columns]
        for partition in table.fact.partitions:
            for batch in self._source.batches(table.fact, partition):
                yield dict(zip(names, table.rows(batch), strict=True))


def _alike(type_name: str) -> str:
    return ALIKE.get(type_name, type_name)


def _hashed(rows: Iterator[dict[str, list[Value]]], kinds: dict[str, str], key: str) -> Iterator[Hashed]:
    """Each row's key as text, and a hash of its columns in the order of their names."""
    for columns in rows:
        cells = [[_cell(value, kinds[name]) for value in columns[name]] for name in sorted(kinds)]
        keys = [_shown(value, kinds[key]) for value in columns[key]]
        for shown, row in zip(keys, zip(*cells, strict=True), strict=True):
            yield shown, blake2b(b"".join(row), digest_size=16).digest()


def _cell(value: Value, kind: str) -> bytes:
    if value is None:
        return NULL
    if kind == "json":
        value = _canonical(value.removeprefix(b"\x01"))
    elif kind == "sparsevec":
        value = value[4:]  # how many dimensions it is declared with means nothing to Milvus
    return len(value).to_bytes(4, "big") + value


def _shown(value: Value, kind: str) -> bytes:
    if value is None or kind == "text":
        return value or b""
    return b"%d" % int.from_bytes(value, "big", signed=True)


def _canonical(text: bytes) -> bytes:
    """The same for texts of one document. jsonb writes numbers in another way than Python does."""
    found = json.loads(text, parse_int=_number, parse_float=_number)
    return json.dumps(found, sort_keys=True, separators=(",", ":")).encode()


def _number(text: str) -> str:
    """As a string that no document has: PostgreSQL takes no U+0000."""
    return f"\0{EXACT.normalize(EXACT.plus(Decimal(text)))}"
