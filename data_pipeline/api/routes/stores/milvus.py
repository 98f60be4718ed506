"""Milvus: backed up, restored into, compared."""

from flask import Response

from common.messages import say
from data_pipeline.api import BASE
from data_pipeline.api.answers import jobs as job_answers
from data_pipeline.api.openapi.vocabulary import ALWAYS, IDEMPOTENCY_KEY, IN_DATABASE, OF_CALLS, OF_FILES, WRITING
from data_pipeline.api.policy import Policy
from data_pipeline.api.routes.operation import perform
from data_pipeline.api.routes.resource import Resource, answer
from data_pipeline.engine import Engine
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.operations.milvus import results
from data_pipeline.operations.milvus.compare import MilvusComparison
from data_pipeline.operations.milvus.operation import MilvusBackupOperation, MilvusRestoreOperation
from data_pipeline.operations.milvus.requests import MilvusBackupRequest, MilvusCompareRequest, MilvusRestoreRequest
from data_pipeline.operations.results import restore

OF_MILVUS = ("COLLECTION_CHANGED", "RESOURCE_EXISTS", "EXTRA_MISSING", "BACKUP_EXISTS", "STORAGE_UNSUPPORTED")


def routes(engine: Engine, jobs: Jobs) -> Resource:
    api = Resource("milvus", prefix=f"{BASE}/milvus")
    comparison = MilvusComparison(engine)
    failures = (*ALWAYS, "MISSING_REQUIRED_PARAMS", *WRITING, *OF_FILES, *IN_DATABASE, *OF_CALLS, *OF_MILVUS)

    @api.post("/backup", summary="Back up collections of a Milvus")
    @Policy(
        access="operate",
        tag="Milvus",
        answers={200: [results.MilvusBackedUp], 202: [job_answers.SubmittedJob]},
        failures=failures,
        headers=[IDEMPOTENCY_KEY],
        occupies=True,
        operation=MilvusBackupRequest.kind,
        bug=MilvusBackupOperation.bug,
    )
    def backup_milvus(body: MilvusBackupRequest) -> Response:
        """Every collection is read once, in the order of its keys, and counted before and after: a difference is a
        failure, unless `allow_changes`. The set has a Parquet file a collection and partition, and all that makes the
        collections again."""
        return perform(jobs, body)

    @api.post("/restore", summary="Restore into a Milvus, or a set of Milvus into PostgreSQL")
    @Policy(
        access="operate",
        tag="Milvus",
        answers={200: [results.MilvusRestored, restore.Restored, restore.Rehearsed], 202: [job_answers.SubmittedJob]},
        failures=(*failures, "ORPHAN_ROWS"),
        headers=[IDEMPOTENCY_KEY],
        occupies=True,
        operation=MilvusRestoreRequest.kind,
        bug=MilvusRestoreOperation.bug,
    )
    def restore_milvus(body: MilvusRestoreRequest) -> Response:
        """New collections, or with `swap` collections in place of live ones: loaded beside these, read back, and put in
        their place by alias or by rename. `merge` writes rows by primary key. The set may be one of PostgreSQL
        tables. With `into` a set of Milvus goes into PostgreSQL. With `dry_run` nothing is changed."""
        return perform(jobs, body)

    @api.post("/compare", summary="Compare a set with a Milvus or with another set, across stores")
    @Policy(
        access="check",
        tag="Milvus",
        answers={200: [results.MilvusCompared]},
        failures=failures,
        occupies=True,
        bug=say("milvus_compare_failed"),
    )
    def compare_milvus(body: MilvusCompareRequest) -> Response:
        """What differs, to the bit, by primary key. Either set may be of Milvus or of PostgreSQL tables. With `into` a
        set of Milvus is compared with the live tables of a PostgreSQL that it was restored as."""
        return answer(comparison.compare(body))

    return api
