"""Collections made, renamed and dropped; aliases set."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from common.errors import NotFound
from data_pipeline.stores.milvus import kinds
from data_pipeline.stores.milvus.facts import DEFAULT_PARTITION, CollectionFact, IndexFact
from data_pipeline.stores.milvus.live import LOAD_SECONDS, await_indexes
from data_pipeline.stores.milvus.protocol import protocol
from data_pipeline.stores.milvus.reader import pairs
from data_pipeline.stores.milvus.server import Server

TOP_LEVEL = frozenset({"index_type", "metric_type", "params", "search_params", "mmap.enabled"})
"""Parameters of an index that stand by themselves in a request; all others stand in `params`."""

NOTHING: Mapping[str, str] = MappingProxyType({})


def create(
    server: Server, name: str, fact: CollectionFact, *, keys_by_server: bool = True, mark: Mapping[str, str] = NOTHING
) -> None:
    """An empty collection as it was saved, with its partitions, without its indexes and aliases.

    keys_by_server: whether the server makes keys (autoID) where it did. mark: properties beside its own. Raises
    ServiceError, ResourceExists.
    """
    schema = fact.schema
    schema.name = name
    for field in schema.fields:
        if field.is_primary_key and not keys_by_server:
            field.autoID = False
        if field.data_type == kinds.ARRAY and field.element_type == kinds.VARCHAR:
            _fill_length(field)
        field.fieldID = 0
    request = protocol().milvus.CreateCollectionRequest(
        collection_name=name,
        schema=schema.SerializeToString(),
        shards_num=fact.shards,
        consistency_level=fact.consistency,
        properties=pairs({**fact.properties, **mark}),
        num_partitions=fact.num_partitions if any(one.is_partition_key for one in schema.fields) else 0,
    )
    server.call("CreateCollection", request, about=name)
    for partition in fact.partitions:
        if partition.name not in (None, DEFAULT_PARTITION):
            create_partition(server, name, partition.name)


def create_partition(server: Server, name: str, partition: str) -> None:
    request = protocol().milvus.CreatePartitionRequest(collection_name=name, partition_name=partition)
    server.call("CreatePartition", request, about=f"{name}.{partition}")


def create_indexes(server: Server, name: str, indexes: Sequence[IndexFact]) -> None:
    """As they were; returns once they are built. Raises ServiceError, Cancelled."""
    for index in indexes:
        request = protocol().milvus.CreateIndexRequest(
            collection_name=name,
            field_name=index.field,
            index_name="" if index.name == index.field else index.name,
            extra_params=pairs(_wire(index.params)),
        )
        server.call("CreateIndex", request, about=f"{name}.{index.field}", seconds=LOAD_SECONDS)
    if indexes:
        await_indexes(server, name)


def drop(server: Server, name: str) -> None:
    """One that isn't there is none to drop."""
    try:
        server.call("DropCollection", protocol().milvus.DropCollectionRequest(collection_name=name), about=name)
    except NotFound:
        return


def rename(server: Server, old: str, new: str) -> None:
    """Raises ResourceExists where the new name is taken."""
    request = protocol().milvus.RenameCollectionRequest(oldName=old, newName=new)
    server.call("RenameCollection", request, about=new)


def point_alias(server: Server, alias: str, name: str, *, there: bool) -> None:
    """Let an alias mean a collection. there: it means another one so far."""
    if there:
        server.call("AlterAlias", protocol().milvus.AlterAliasRequest(alias=alias, collection_name=name), about=alias)
    else:
        server.call("CreateAlias", protocol().milvus.CreateAliasRequest(alias=alias, collection_name=name), about=alias)


def _wire(params: Mapping[str, str]) -> dict[str, Any]:
    """An index's parameters as a request has them: the server describes those of `params` beside the others."""
    inner = {key: value for key, value in params.items() if key not in TOP_LEVEL}
    found = {key: value for key, value in params.items() if key in TOP_LEVEL}
    if inner:
        found["params"] = json.dumps({**json.loads(found.get("params", "{}")), **inner})
    return found


def _fill_length(field: Any) -> None:
    """An ARRAY of VARCHAR needs a length, which some servers don't tell: the largest there is."""
    if all(one.key != "max_length" for one in field.type_params):
        field.type_params.extend(pairs({"max_length": kinds.LARGEST_STRING}))
