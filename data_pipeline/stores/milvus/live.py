"""The collections of a server: what there is, what each is made of, its rows counted, loaded and released."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.errors import NotFound, SchemaMismatch, ServiceError
from common.messages import say
from data_pipeline.stores.milvus import kinds
from data_pipeline.stores.milvus.facts import IndexFact
from data_pipeline.stores.milvus.protocol import protocol
from data_pipeline.stores.milvus.reader import STRONG, pairs
from data_pipeline.stores.milvus.server import Server

LOAD_SECONDS = 3600.0
"""How long a collection may take to be loaded, or an index to be built."""

WAIT = 0.2
NOT_THERE, LOADED = 1, 3
FINISHED, FAILED = 3, 4
NOTHING_SAID = frozenset({"index_type", "metric_type"})
"""Parameters that an index always has. One that has no others may have some that the server doesn't tell."""


@dataclass(frozen=True)
class LiveCollection:
    """A collection as the server describes it."""

    name: str
    schema: Any
    shards: int
    consistency: int
    properties: Mapping[str, str]
    num_partitions: int
    aliases: tuple[str, ...]

    @property
    def key(self) -> Any:
        return next(field for field in self.schema.fields if field.is_primary_key)

    @property
    def spreads_rows(self) -> bool:
        """Whether the server chooses the partition of a row by a field of it."""
        return any(field.is_partition_key for field in self.schema.fields)


def names(server: Server) -> list[str]:
    """Of all collections, in order."""
    found = server.call("ShowCollections", protocol().milvus.ShowCollectionsRequest())
    return sorted(found.collection_names)


def describe(server: Server, name: str) -> LiveCollection:
    """By its name or an alias. Raises NotFound, with the name."""
    request = protocol().milvus.DescribeCollectionRequest(collection_name=name)
    found = server.call("DescribeCollection", request, about=name)
    called = found.collection_name or found.schema.name
    return LiveCollection(
        called,
        found.schema,
        found.shards_num,
        found.consistency_level,
        {one.key: one.value for one in found.properties},
        found.num_partitions,
        aliases(server, called) if not found.aliases else tuple(sorted(found.aliases)),
    )


def find(server: Server, name: str) -> LiveCollection | None:
    """The same, None for one that isn't there."""
    try:
        return describe(server, name)
    except NotFound:
        return None


def aliases(server: Server, name: str) -> tuple[str, ...]:
    """Of a collection."""
    found = server.call("ListAliases", protocol().milvus.ListAliasesRequest(collection_name=name), about=name)
    return tuple(sorted(found.aliases))


def all_aliases(server: Server) -> dict[str, str]:
    """Every alias, and the collection that it means."""
    return {alias: name for name in names(server) for alias in aliases(server, name)}


def partitions(server: Server, name: str) -> list[str]:
    """In the server's order: the default one first."""
    found = server.call("ShowPartitions", protocol().milvus.ShowPartitionsRequest(collection_name=name), about=name)
    return list(found.partition_names)


def indexes(server: Server, name: str) -> list[IndexFact]:
    """By field."""
    request = protocol().milvus.DescribeIndexRequest(collection_name=name)
    try:
        found = server.call("DescribeIndex", request, about=name)
    except NotFound:  # there is none
        return []
    facts = [
        IndexFact(field=one.field_name, name=one.index_name, params={pair.key: pair.value for pair in one.params})
        for one in found.index_descriptions
    ]
    return sorted(facts, key=lambda fact: (fact.field, fact.name))


def database_properties(server: Server) -> dict[str, str]:
    """None where the server doesn't know databases."""
    try:
        found = server.call("DescribeDatabase", protocol().milvus.DescribeDatabaseRequest(db_name=server.database))
    except (NotFound, ServiceError):
        return {}
    return {one.key: one.value for one in found.properties}


def expect_database(server: Server) -> None:
    """Raise NotFound unless the database of the target is there."""
    found = server.call("ListDatabases", protocol().milvus.ListDatabasesRequest())
    if server.database not in found.db_names:
        raise NotFound(say("milvus_database_missing", name=server.database), details={"database": server.database})


def count(server: Server, name: str) -> int:
    """Rows by the server's own count(*), as of now."""
    request = protocol().milvus.QueryRequest(
        collection_name=name, output_fields=["count(*)"], consistency_level=STRONG, query_params=pairs({})
    )
    found = server.call("Query", request, about=name)
    return int(found.fields_data[0].scalars.long_data.data[0])


def is_loaded(server: Server, name: str) -> bool:
    """Whether it can be queried."""
    found = server.call("GetLoadState", protocol().milvus.GetLoadStateRequest(collection_name=name), about=name)
    if found.state == NOT_THERE - 1:
        raise NotFound(say("milvus_not_found", name=name, step="GetLoadState"), details={"name": name})
    return bool(found.state == LOADED)


def load(server: Server, name: str) -> None:
    """Let it be queried; returns once it can be. Raises ServiceError, Cancelled."""
    request = protocol().milvus.LoadCollectionRequest(collection_name=name, replica_number=1)
    server.call("LoadCollection", request, about=name, seconds=LOAD_SECONDS)
    _await(server, lambda: is_loaded(server, name), name)


def release(server: Server, name: str) -> None:
    server.call("ReleaseCollection", protocol().milvus.ReleaseCollectionRequest(collection_name=name), about=name)


def flush(server: Server, name: str) -> None:
    """Let rows be written to the server's storage."""
    server.call("Flush", protocol().milvus.FlushRequest(collection_names=[name]), about=name, seconds=LOAD_SECONDS)


def await_indexes(server: Server, name: str) -> None:
    """Returns once every index is built. Raises ServiceError, Cancelled."""
    request = protocol().milvus.DescribeIndexRequest(collection_name=name)

    def finished() -> bool:
        found = server.call("DescribeIndex", request, about=name).index_descriptions
        if any(one.state == FAILED for one in found):
            raise SchemaMismatch(say("milvus_index_failed", name=name), can_retry=False, details={"name": name})
        return all(one.state == FINISHED for one in found)

    _await(server, finished, name)


def untold(collection: LiveCollection, found: list[IndexFact]) -> list[str]:
    """Fields of which a server doesn't tell all that makes them again, as texts for people."""
    texts: list[str] = []
    for field in collection.schema.fields:
        told = {one.key for one in field.type_params}
        if field.data_type == kinds.ARRAY and field.element_type == kinds.VARCHAR and "max_length" not in told:
            texts.append(say("milvus_length_untold", collection=collection.name, field=field.name))
    vectors = {field.name for field in collection.schema.fields if field.data_type in kinds.VECTORS}
    for index in found:
        if (
            index.field in vectors
            and index.params.get("index_type") in PARAMETERS
            and not (index.params.keys() - NOTHING_SAID)
        ):
            texts.append(say("milvus_index_untold", collection=collection.name, field=index.field))
    return texts


PARAMETERS = frozenset({"HNSW", "HNSW_SQ", "HNSW_PQ", "IVF_FLAT", "IVF_SQ8", "IVF_PQ", "SCANN", "DISKANN"})
"""Kinds of index that are made with parameters of their own."""


def _await(server: Server, done: Any, name: str) -> None:
    deadline = time.monotonic() + LOAD_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise SchemaMismatch(say("milvus_not_loaded", name=name, step="load"), can_retry=True)
        time.sleep(WAIT)
        server.progress.expect_wanted()
