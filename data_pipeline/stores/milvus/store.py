"""The store's own word on itself."""

from typing import Any

from typing_extensions import override

from common.errors import InvalidBackup
from common.messages import say
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.stores.milvus import parquet
from data_pipeline.stores.milvus.digest import Sum
from data_pipeline.stores.milvus.facts import CollectionFact, MilvusFacts, PartitionFact
from data_pipeline.stores.milvus.server import connected
from data_pipeline.stores.milvus.table import RowShape
from data_pipeline.stores.store import Capabilities, Store
from data_pipeline.stores.target import StoreTarget

FAMILY = "milvus"


class MilvusStore(Store):
    """Collections. A collection comes from one moment where its server keeps moments; milvus-lite keeps none."""

    family = FAMILY
    capabilities = Capabilities(transactional=False, snapshot=False, diffable=True, indexed=True)
    facts = MilvusFacts

    @override
    def probe(self, target: StoreTarget) -> dict[str, Any]:
        with connected(target) as server:
            return {"server_version": server.version, "database": server.database}

    @override
    def verify(self, held: HeldSet) -> None:
        """Reads every row, and compares them with the digests of those that were saved."""
        facts: MilvusFacts = self.facts_of(held)
        for collection in facts.collections:
            for partition in collection.partitions:
                for _ in rows(held, collection, partition):
                    pass


def rows(held: HeldSet, collection: CollectionFact, partition: PartitionFact) -> Any:
    """Record batches of a set's file. Raises InvalidBackup at the end if they aren't those that were saved."""
    if partition.file not in held.files:
        name = held.manifest_file.name if held.manifest_file else held.timestamp
        raise InvalidBackup(say("manifest_file_damaged", name=name), details={"file": name})
    shape = RowShape.of(collection.schema)
    name = held.files[partition.file].name
    total = Sum(shape)
    with held.reader(partition.file) as stream:
        for batch in parquet.batches(shape, stream, name):
            yield total.add(batch)
    if (total.rows, total.hex) != (partition.rows, partition.digest):
        raise parquet.damaged(name, say("milvus_set_digest", file=name))


STORE = MilvusStore()
