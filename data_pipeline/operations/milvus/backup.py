"""One backup of a Milvus: every collection read once, in the order of its keys, and counted before and after."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from common.errors import CollectionChanged, NotFound, SchemaMismatch, ServiceError
from common.messages import say
from common.sizes import format_size
from data_pipeline.operations.milvus.requests import MilvusBackupRequest
from data_pipeline.operations.milvus.results import SavedCollection
from data_pipeline.postgres.progress import Progress
from data_pipeline.sets.store_draft import StoreDraft
from data_pipeline.storage.naming import store_stem
from data_pipeline.stores.milvus import kinds, live
from data_pipeline.stores.milvus.digest import Sum
from data_pipeline.stores.milvus.facts import (
    DEFAULT_PARTITION,
    CollectionFact,
    MilvusFacts,
    PartitionFact,
    described,
)
from data_pipeline.stores.milvus.live import LiveCollection
from data_pipeline.stores.milvus.parquet import SUFFIX, ParquetWriter
from data_pipeline.stores.milvus.reader import Reader
from data_pipeline.stores.milvus.server import Server
from data_pipeline.stores.milvus.store import FAMILY
from data_pipeline.stores.milvus.table import RowShape


@dataclass
class Saving:
    """One backup under way. untried: whether types are taken that no real server has shown."""

    server: Server
    draft: StoreDraft
    request: MilvusBackupRequest
    progress: Progress
    untried: bool
    warnings: list[str] = field(default_factory=list)
    saved: dict[str, SavedCollection] = field(default_factory=dict)

    def run(self) -> MilvusFacts:
        """Read every collection into the draft. Raises ServiceError, Cancelled."""
        live.expect_database(self.server)
        chosen = self._chosen()
        shapes = {one.name: shape_of(one, untried=self.untried) for one in chosen}
        if self.server.is_lite:
            self.warnings.append(say("milvus_lite_untold"))
        self.progress.expect_rows(sum(self._estimate(one.name) for one in chosen))
        facts = [self._save(one, shapes[one.name]) for one in chosen]
        return MilvusFacts(
            server_version=self.server.version,
            database=self.server.database,
            database_properties=live.database_properties(self.server),
            collections=facts,
            name=self.name,
            warnings=[str(warning) for warning in self.warnings],
        )

    @property
    def name(self) -> str:
        """What the milvus-backup API calls the set."""
        return self.request.name or f"backup_{self.draft.timestamp}"

    def _chosen(self) -> list[LiveCollection]:
        """Those that are asked for, each once. Raises NotFound for a name that isn't there."""
        names = self.request.collections or live.names(self.server)
        if not names:
            text = say("milvus_nothing_there", database=self.server.database)
            raise NotFound(text, details={"database": self.server.database})
        found = [live.describe(self.server, name) for name in names]
        return list({one.name: one for one in found}.values())

    def _estimate(self, name: str) -> int:
        return live.count(self.server, name) if live.is_loaded(self.server, name) else 0

    def _save(self, collection: LiveCollection, shape: RowShape) -> CollectionFact:
        started, name = time.monotonic(), collection.name
        self.progress.enter("load", name)
        indexes = live.indexes(self.server, name)
        self.warnings += live.untold(collection, indexes)
        loaded = live.is_loaded(self.server, name)
        if not loaded:
            self.warnings.append(say("milvus_was_unloaded", name=name))
            live.load(self.server, name)
        try:
            before = live.count(self.server, name)
            partitions = [self._save_partition(collection, shape, one) for one in self._partitions(collection)]
            changed = self._changed(collection, before, sum(one.rows for one in partitions))
        finally:
            if not loaded:
                live.release(self.server, name)
        fact = CollectionFact(
            name=name,
            fields=described(collection.schema),
            shards=collection.shards,
            consistency=collection.consistency,
            properties=dict(collection.properties),
            num_partitions=collection.num_partitions,
            aliases=list(collection.aliases),
            indexes=indexes,
            partitions=partitions,
            loaded=loaded,
            changed=changed,
        )
        self.saved[name] = self._described(fact, time.monotonic() - started)
        return fact

    def _partitions(self, collection: LiveCollection) -> Sequence[str | None]:
        return [None] if collection.spreads_rows else live.partitions(self.server, collection.name)

    def _save_partition(self, collection: LiveCollection, shape: RowShape, partition: str | None) -> PartitionFact:
        plain = partition in (None, DEFAULT_PARTITION)
        names = [collection.name] if plain else [collection.name, partition or ""]
        key, total = ".".join(names), Sum(shape)
        with self.draft.file(key, store_stem(FAMILY, *names), SUFFIX) as file:
            writer = ParquetWriter(shape, file.write)
            for batch in Reader(self.server, collection.name, shape, partition).batches():
                writer.add(total.add(batch))
                self.progress.advance(batch.nbytes, len(batch))
            writer.close()
        return PartitionFact(name=partition, file=key, rows=total.rows, digest=total.hex)

    def _changed(self, collection: LiveCollection, before: int, rows: int) -> bool:
        """Whether rows came or went meanwhile. Raises CollectionChanged where that isn't allowed."""
        name = collection.name
        again = live.describe(self.server, name)
        if again.schema != collection.schema:
            raise CollectionChanged(say("milvus_schema_changed", name=name), can_retry=True, details={"name": name})
        after = live.count(self.server, name)
        if before == rows == after:
            return False
        if not self.request.allow_changes:
            text = say("milvus_changed", name=name, read=rows, before=before, after=after)
            seen = {"name": name, "read": rows, "before": before, "after": after}
            raise CollectionChanged(text, can_retry=True, details=seen)
        self.warnings.append(say("milvus_changed_allowed", name=name, read=rows, before=before, after=after))
        return True

    def _described(self, fact: CollectionFact, seconds: float) -> SavedCollection:
        files = [self.draft.files[one.file] for one in fact.partitions]
        size = sum(file["bytes"] for file in files)
        return SavedCollection(
            row_count=fact.rows,
            partitions=len(fact.partitions),
            file_size=format_size(size),
            file_bytes=size,
            files=[file["file"] for file in files],
            indexes=[index.field for index in fact.indexes],
            aliases=fact.aliases,
            changed=fact.changed,
            duration=round(seconds, 3),
        )


def shape_of(collection: Any, *, untried: bool) -> RowShape:
    """The columns of a collection, live or saved. Raises SchemaMismatch for a type that isn't known, or not tried."""
    schema = collection.schema
    for one in schema.fields:
        if one.data_type not in kinds.KINDS or (one.data_type == kinds.ARRAY and one.element_type not in kinds.SLOTS):
            raise _unsupported(collection.name, one.name, type_name(one.data_type))
    if len(schema.struct_array_fields):
        field_name = schema.struct_array_fields[0].name
        raise _unsupported(collection.name, field_name, "ArrayOfStruct")
    shape = RowShape.of(schema)
    if shape.untried and not untried:
        column = shape.untried[0]
        untried_type = say("milvus_field_untried", collection=collection.name, field=column.name, type=column.kind.name)
        details = {"collection": collection.name, "field": column.name, "type": column.kind.name}
        raise SchemaMismatch(untried_type, can_retry=False, details=details)
    return shape


def type_name(code: int) -> str:
    return kinds.KINDS[code].name if code in kinds.KINDS else str(code)


def _unsupported(collection: str, column: str, type_: str) -> ServiceError:
    details = {"collection": collection, "field": column, "type": type_}
    text = say("milvus_field_unsupported", collection=collection, field=column, type=type_)
    return SchemaMismatch(text, can_retry=False, details=details)
