"""Restores: what could be restored, and the way back."""

from flask import Response

from common.messages import say
from data_pipeline.api.answers import jobs as job_answers
from data_pipeline.api.openapi.vocabulary import (
    ALWAYS,
    IDEMPOTENCY_KEY,
    IN_DATABASE,
    OF_CALLS,
    OF_FILES,
    UNDOABLE,
    WRITING,
)
from data_pipeline.api.policy import Policy
from data_pipeline.api.requests.bodies import ListQuery
from data_pipeline.api.routes.operation import perform
from data_pipeline.api.routes.resource import Resource, answer
from data_pipeline.engine import Engine
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.operations.listing import BackupList
from data_pipeline.operations.milvus import results as milvus
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.operations.restore.operation import RestoreOperation
from data_pipeline.operations.results import listing, restore


def routes(engine: Engine, jobs: Jobs) -> Resource:
    api = Resource("restores")
    backups = BackupList(engine, jobs.checks.of)

    @api.get("/restore/list", summary="List the backups")
    @Policy(
        access="read",
        tag="Backups",
        answers={200: [listing.Listing]},
        failures=(*ALWAYS, "PERMISSION_DENIED", "SERVICE_UNAVAILABLE"),
        bug=say("listing_failed"),
    )
    def list_vector_backups(query: ListQuery) -> Response:
        """Every complete backup set, newest first: those of the whole system, then those of each task. With `limit`
        the newest of all locations, a page at a time; with `q` only those that its words are said of."""
        return answer(
            backups.scan(
                query.global_only,
                query.task_id,
                query.storage,
                layout=query.layout,
                words=query.q or "",
                limit=query.limit,
                after=query.after,
            )
        )

    @api.post("/restore", summary="Restore a backup")
    @Policy(
        access="operate",
        tag="Restore",
        answers={200: [restore.Restored, restore.Rehearsed, milvus.MilvusRestored], 202: [job_answers.SubmittedJob]},
        failures=(*ALWAYS, "MISSING_REQUIRED_PARAMS", *WRITING, *OF_FILES, *IN_DATABASE, *OF_CALLS, *UNDOABLE),
        headers=[IDEMPOTENCY_KEY],
        occupies=True,
        operation=RestoreRequest.kind,
        bug=RestoreOperation.bug,
    )
    def restore_vector_tables(body: RestoreRequest) -> Response:
        """Adds the backup's rows to those that are there, replaces these (`truncate_before_restore`), or writes only
        what differs (`strategy: sync`). A replace is all or nothing. When rows are added, a table that fails is
        undone alone and named in `errors`, unless `atomic`. With `dry_run` nothing is changed."""
        return perform(jobs, body)

    return api
