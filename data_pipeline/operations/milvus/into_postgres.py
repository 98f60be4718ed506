"""A set of Milvus restored into PostgreSQL: made into a set of tables first, which is restored like any other."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from common.result import now
from data_pipeline.engine import Engine
from data_pipeline.formats import pgcopy
from data_pipeline.layouts.base import encoded
from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.operations.milvus.crossing import from_milvus
from data_pipeline.operations.milvus.crossing.from_milvus import Value
from data_pipeline.operations.milvus.crossing.tables_of import (
    KINDS,
    MemberRows,
    StoreTable,
    Table,
    TableColumn,
    index_fact,
)
from data_pipeline.operations.milvus.plan import in_set
from data_pipeline.operations.milvus.requests import IntoTables, MilvusRestoreRequest
from data_pipeline.operations.milvus.sources import Source
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.operations.restore.operation import RestoreOperation
from data_pipeline.operations.results.restore import Restored
from data_pipeline.operations.results.result import BackupInfo
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.reading.block_writer import BlockWriter, Packing
from data_pipeline.sets import manifest as manifests
from data_pipeline.sets import vouching
from data_pipeline.storage.draft import Draft
from data_pipeline.storage.location import Location
from data_pipeline.storage.naming import Kind, backup_date, table_file
from data_pipeline.stores.milvus import kinds
from data_pipeline.version import VERSION

BINARY = Kind("binary", "none")


class IntoPostgres:
    """One set into one database. Raises ServiceError, Cancelled."""

    def __init__(self, engine: Engine, request: MilvusRestoreRequest, into: IntoTables, source: Source) -> None:
        self._engine = engine
        self._request = request
        self._into = into
        self._source = source
        self._timestamp = f"{datetime.now():%Y%m%d_%H%M%S}"

    def run(self, progress: Progress) -> Restored:
        """Do it, or find out what it would do."""
        started = time.monotonic()
        target = self._engine.databases.named(self._request.target)
        tables = [self._table(name) for name in self._names()]
        with tempfile.TemporaryDirectory(prefix="milvus-") as directory:
            apart = self._engine.apart(target, Path(directory))
            where = apart.catalog.location(None)
            with apart.storages.of(where).draft(where, iter([self._timestamp])) as draft:
                described = manifests.dump(self._written(draft, tables, progress))
                draft.publish(vouching.written(draft, described))
            answer = RestoreOperation(apart).run_here(self._inner(where), progress)
        told = {
            "backup_info": BackupInfo(
                backup_path=self._request.named_set.backup_path,
                timestamp=self._request.named_set.timestamp,
                backup_date=backup_date(self._request.named_set.timestamp),
            ),
            "warnings": [*self._source.warnings, *(text for one in tables for text in one.warnings), *answer.warnings],
            "duration": round(time.monotonic() - started, 3),
        }
        found: Restored = answer.model_copy(update=told)
        return found

    def _names(self) -> list[str]:
        names = self._request.collections or [one.name for one in self._source.facts.collections]
        for name in names:
            in_set(self._source.facts, name)
        self._into.expect_in([one.name for one in self._source.facts.collections])
        return names

    def _table(self, name: str) -> Table:
        fact = in_set(self._source.facts, name)
        return KINDS[self._into.layout](fact, untried=self._engine.settings.milvus.untried_types)

    def _inner(self, where: Location) -> RestoreRequest:
        asked: dict[str, Any] = {"backup_path": where.relative_path, "timestamp": self._timestamp}
        asked |= {"create_tables": True, "dry_run": self._request.dry_run}
        if not self._request.dry_run:
            asked["atomic"] = True
        return RestoreRequest.read(asked)

    # The set of tables

    def _written(self, draft: Draft, tables: list[Table], progress: Progress) -> dict[str, Any]:
        """The files, and the facts of the manifest."""
        if self._into.layout == DOCUMENTED.family:
            return self._described(
                self._members(draft, [one for one in tables if isinstance(one, MemberRows)], progress)
            )
        facts = {}
        for table in tables:
            schema, relation = self._into.table_of(table.name)
            name = f"{schema}.{relation}"
            with self._file(draft, f"{encoded(schema)}.{encoded(relation)}", table.columns) as (file, fact):
                self._fill(file, table, progress)
            vectors = [(one.field, one.field) for one in table.fact.indexes]
            if isinstance(table, StoreTable):
                vectors = [(table.vector.name, table.columns[2].name)]
            indexes = [one for vector, column in vectors for one in table.index(relation, vector, column)]
            key = index_fact(f"{relation[:58]}_pkey", "btree", table.key, _key_class(table), primary=True)
            facts[name] = {**fact, "indexes": [key, *indexes], "key": [table.key], "schema": schema}
        return self._described(
            {"layout": self._into.layout, "load_order": sorted(facts), "tables": facts, "collections": []}
        )

    def _members(self, draft: Draft, tables: list[MemberRows], progress: Progress) -> dict[str, Any]:
        """LangChain's two files."""
        owner, member = (DOCUMENTED[name] for name in DOCUMENTED.names)
        columns = [TableColumn(one.name, one.type, -1, one.not_null) for one in owner.columns]
        with self._file(draft, owner.stem, columns) as (file, owners):
            nothing: list[Value] = [None] * len(tables)
            values: dict[str, list[Value]] = {
                owner.key[0]: [one.uuid.bytes for one in tables],
                DOCUMENTED.owned.name: [one.name.encode() for one in tables],
            }
            rows = [values.get(one.name, nothing) for one in columns]
            file.add(from_milvus.tuples(rows))
        reference = member.references[0]
        referred = {
            "columns": list(reference.columns),
            "table": reference.table,
            "referenced_columns": list(reference.referenced),
        }
        collections = []
        member_columns = tables[0].columns
        with self._file(draft, member.stem, member_columns) as (file, members):
            for table in tables:
                self._fill(file, table, progress)
                size = kinds.dimensions(table.vector.field)
                collections.append(
                    {"uuid": str(table.uuid), "name": table.name, "rows": table.fact.rows, "dimensions": [size]}
                )
        return {
            "layout": DOCUMENTED.family,
            "load_order": list(DOCUMENTED.names),
            "tables": {
                owner.name: {**owners, "indexes": [], "key": list(owner.key), "references": []},
                member.name: {**members, "indexes": [], "key": list(member.key), "references": [referred]},
            },
            "collections": collections,
        }

    def _described(self, facts: dict[str, Any]) -> dict[str, Any]:
        made = self._source.facts
        return {
            "timestamp": self._timestamp,
            "created_at": now(),
            "tool_version": VERSION,
            "server_version": made.server_version,
            "pgvector_version": "",
            "database": made.database,
            **facts,
        }

    def _fill(self, file: BlockWriter, table: Table, progress: Progress) -> None:
        progress.enter("verify", table.name)
        for partition in table.fact.partitions:
            for batch in self._source.batches(table.fact, partition):
                file.add(from_milvus.tuples(table.rows(batch)))
                progress.expect_wanted()

    @contextmanager
    def _file(
        self, draft: Draft, stem: str, columns: list[TableColumn]
    ) -> Iterator[tuple[BlockWriter, dict[str, Any]]]:
        """A file of binary COPY, and the facts of it, which are complete once it is."""
        name = table_file(stem, self._timestamp, BINARY._replace(sealed=draft.key is not None))
        fact: dict[str, Any] = {"file": name, "format": "binary", "columns": [one.fact() for one in columns]}
        fact |= {"foreign_keys": [], "references": []}
        with (
            draft.create(name) as stored,
            BlockWriter(stored, pgcopy.HEADER, pgcopy.TRAILER, SILENT, Packing(name, key=draft.key)) as file,
        ):
            yield file, fact
            file.finish()
        rows = sum(block["rows"] for block in file.blocks)
        fact |= {"bytes": file.bytes, "rows": rows, "blocks": file.blocks}


def _key_class(table: Table) -> str:
    """The operator class of the key's index."""
    of_text = next(one.type for one in table.columns if one.name == table.key) == "text"
    return "text_ops" if of_text else "int8_ops"
