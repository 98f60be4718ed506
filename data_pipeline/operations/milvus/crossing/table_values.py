"""The values of a set's table, as binary COPY has them."""

from collections.abc import Iterator
from dataclasses import replace

from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.milvus.crossing import to_milvus
from data_pipeline.operations.milvus.crossing.table_rows import unfit
from data_pipeline.operations.milvus.crossing.to_milvus import Value
from data_pipeline.postgres.writing.copy_in import Reading
from data_pipeline.sets.backup_set import BackupSet
from data_pipeline.sets.tables.dialect import SetDialect
from data_pipeline.sets.tables.table_source import unmatched


def columns_of(
    engine: Engine, backup_set: BackupSet, table: str, owner: bytes | None = None
) -> Iterator[dict[str, list[Value]]]:
    """By column, a block of the file each time. owner: only rows of this one, by its uuid's bytes. Raises ServiceError
    for what isn't as it should be."""
    source = unmatched(backup_set, table, SetDialect())
    if owner is not None:
        source = replace(source, layout=replace(source.layout, wanted=frozenset({owner})))
    names = source.columns
    for part in Reading(source, None, engine.pool, ahead=False):  # Milvus takes rows more slowly
        payload = b"".join(part.messages)
        if part.declined:
            raise unfit(table, "", say("into_milvus_server_only"))
        yield dict(zip(names, to_milvus.tuples(payload, len(names)), strict=True))
