"""Backups, and what differs between one and the live tables."""

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
from data_pipeline.api.requests.bodies import DatabaseQuery
from data_pipeline.api.routes.operation import perform
from data_pipeline.api.routes.resource import Resource, answer
from data_pipeline.engine import Engine
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.operations import live_collections
from data_pipeline.operations.backup.operation import BackupOperation
from data_pipeline.operations.compare import BackupComparison
from data_pipeline.operations.requests.backup import BackupRequest
from data_pipeline.operations.requests.compare import CompareRequest
from data_pipeline.operations.results import backup, collections, compare


def routes(engine: Engine, jobs: Jobs) -> Resource:
    api = Resource("backups")
    comparison = BackupComparison(engine)

    @api.post("/backup", summary="Back up both tables")
    @Policy(
        access="operate",
        tag="Backups",
        answers={200: [backup.BackedUp], 202: [job_answers.SubmittedJob]},
        failures=(*ALWAYS, *WRITING, *OF_FILES, *IN_DATABASE, *OF_CALLS, "BACKUP_EXISTS", *UNDOABLE),
        headers=[IDEMPOTENCY_KEY],
        occupies=True,
        operation=BackupRequest.kind,
        bug=BackupOperation.bug,
    )
    def backup_vector_tables(body: BackupRequest) -> Response:
        """Both tables, from one snapshot. The set is listed once it is complete, and not before."""
        return perform(jobs, body)

    @api.get("/collections", summary="List the collections of a database")
    @Policy(
        access="read",
        tag="Backups",
        answers={200: [collections.Collections]},
        failures=(*ALWAYS, "PERMISSION_DENIED", "SCHEMA_MISMATCH", "DATABASE_ERROR", "TIMEOUT"),
    )
    def list_collections(query: DatabaseQuery) -> Response:
        """The names that a backup may be limited to."""
        return answer(live_collections.of(engine, query.target))

    @api.post("/compare", summary="Compare a backup with the live tables or another backup")
    @Policy(
        access="check",
        tag="Backups",
        answers={200: [compare.Compared]},
        failures=(*ALWAYS, "MISSING_REQUIRED_PARAMS", *WRITING, *OF_FILES, *IN_DATABASE, "ORPHAN_ROWS"),
        occupies=True,
        bug=say("compare_failed"),
    )
    def compare_backup(body: CompareRequest) -> Response:
        """What differs between a backup and the live tables, or another backup: to the bit, by collection.
        Changes nothing, and no other query waits."""
        return answer(comparison.compare(body))

    return api
