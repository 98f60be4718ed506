"""Sets and jobs as milvus-backup tells of them: whole numbers, times in Unix seconds, states by their codes."""

from datetime import datetime
from typing import Any

from data_pipeline.operations.milvus.backup_api.sets import NamedSet
from data_pipeline.stores.milvus.facts import CollectionFact

INITIAL, EXECUTING, SUCCESS, FAIL = 0, 1, 2, 3
STATES = {"PENDING": INITIAL, "RUNNING": EXECUTING, "CANCELLING": EXECUTING, "SUCCEEDED": SUCCESS, "PARTIAL": SUCCESS}
DONE = 100


def listed(one: NamedSet) -> dict[str, Any]:
    """As the list has it."""
    return {"id": one.id, "name": one.name, "size": one.size, "milvus_version": one.facts.server_version}


def backup(one: NamedSet) -> dict[str, Any]:
    """A set, with its collections."""
    made = int(datetime.fromisoformat(one.manifest.created_at).timestamp())
    collections = [_collection(one, fact, made) for fact in one.facts.collections]
    return {
        **listed(one),
        "state_code": SUCCESS,
        "start_time": made,
        "end_time": made,
        "progress": DONE,
        "backup_timestamp": made,
        "collection_backups": collections,
        "database_backups": [{"db_name": one.facts.database}],
        "meta_size": one.meta_size,
    }


def backup_under_way(name: str, job: Any) -> dict[str, Any]:
    """One that is being made, or could not be."""
    return {"id": job.id, **_job(job), "name": name, "collection_backups": [], "size": 0, "meta_size": 0}


def restore(job: Any) -> dict[str, Any]:
    """A restore, by its job."""
    results = (job.result or {}).get("restore_results") or {}
    tasks = [
        {
            "id": f"{job.request_id}_{name}",
            "state_code": SUCCESS,
            "progress": DONE,
            "target_db_name": "default",
            "target_collection_name": one["name"],
            "restored_size": 0,
        }
        for name, one in results.items()
    ]
    return {"id": job.request_id, **_job(job), "collection_restore_tasks": tasks}


def _job(job: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"state_code": STATES.get(job.state, FAIL)}
    if job.error:
        found["errorMessage"] = job.error["data"]["response"]
    for name, moment in (("start_time", job.started_at or job.created_at), ("end_time", job.finished_at)):
        found[name] = int(moment.timestamp()) if moment else 0
    percent = DONE if found["state_code"] == SUCCESS else int((job.progress or {}).get("percent", 0))
    return {**found, "progress": percent}


def _collection(one: NamedSet, fact: CollectionFact, made: int) -> dict[str, Any]:
    sizes = [one.manifest.files[partition.file].bytes for partition in fact.partitions]
    return {
        "state_code": SUCCESS,
        "start_time": made,
        "end_time": made,
        "progress": DONE,
        "db_name": one.facts.database,
        "collection_name": fact.name,
        "schema": fact.fields,
        "shards_num": fact.shards,
        "consistency_level": fact.consistency,
        "size": sum(sizes),
        "has_index": bool(fact.indexes),
        "index_infos": [
            {
                "field_name": index.field,
                "index_name": index.name,
                "index_type": index.params.get("index_type", ""),
                "params": index.params,
            }
            for index in fact.indexes
        ],
        "load_state": "Loaded" if fact.loaded else "NotLoad",
        "partition_backups": [
            {"partition_name": partition.name or "", "size": size, "rows": partition.rows}
            for partition, size in zip(fact.partitions, sizes, strict=True)
        ],
    }
