"""Whole databases as sets: backed up, restored, handed out as one archive."""

from typing import Any

from flask import Response

from data_pipeline.api import BASE
from data_pipeline.api.answers import jobs as job_answers
from data_pipeline.api.database_streams import DatabaseStreams
from data_pipeline.api.openapi.vocabulary import ALWAYS, IDEMPOTENCY_KEY, IN_DATABASE, OF_CALLS, OF_FILES, WRITING
from data_pipeline.api.policy import Policy
from data_pipeline.api.requests.bodies import BackupSetPath, SetQuery
from data_pipeline.api.routes.operation import perform
from data_pipeline.api.routes.resource import Resource
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.operations.database.backup import DatabaseBackupOperation
from data_pipeline.operations.database.restore import DatabaseRestoreOperation
from data_pipeline.operations.requests.database import DatabaseBackupRequest, DatabaseRestoreRequest
from data_pipeline.operations.results.database import DatabaseRestored
from data_pipeline.operations.results.store_backup import StoreBackedUp

ARCHIVE: dict[str, Any] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def routes(jobs: Jobs, streams: DatabaseStreams) -> Resource:
    api = Resource("databases", prefix=f"{BASE}/databases")

    @api.post("/backup", summary="Back up a whole database as a set")
    @Policy(
        access="write",
        tag="Databases",
        answers={200: [StoreBackedUp], 202: [job_answers.SubmittedJob]},
        failures=(
            *(*ALWAYS, *WRITING, *OF_FILES, *OF_CALLS, "OPERATION_IN_PROGRESS", "VERSION_MISMATCH", "LOCK_TIMEOUT"),
            *("DATABASE_ERROR", "TIMEOUT", "STORAGE_FULL", "STORAGE_UNSUPPORTED", "BACKUP_EXISTS"),
        ),
        headers=[IDEMPOTENCY_KEY],
        occupies=True,
        operation=DatabaseBackupRequest.kind,
        bug=DatabaseBackupOperation.bug,
    )
    def backup_database(body: DatabaseBackupRequest) -> Response:
        """Everything in a database from one snapshot, compressed and hashed in blocks, with the rows of each table. The
        set is listed with `layout=database`."""
        return perform(jobs, body)

    @api.post("/restore", summary="Restore a whole database from a set")
    @Policy(
        access="write",
        tag="Databases",
        answers={200: [DatabaseRestored], 202: [job_answers.SubmittedJob]},
        failures=(
            *(*ALWAYS, "MISSING_REQUIRED_PARAMS", *WRITING, *OF_FILES, *IN_DATABASE, *OF_CALLS),
            *("UNTRUSTED_ARCHIVE", "VERSION_MISMATCH", "ORPHAN_ROWS"),
        ),
        headers=[IDEMPOTENCY_KEY],
        occupies=True,
        operation=DatabaseRestoreRequest.kind,
        bug=DatabaseRestoreOperation.bug,
    )
    def restore_database(body: DatabaseRestoreRequest) -> Response:
        """Reads every byte of the set first. Then merges it, or replaces what it holds in one transaction (`clean`), or
        fills a database beside the live one, whose place it takes with `swap`."""
        return perform(jobs, body)

    @api.get("/<location>/<timestamp>/download", summary="Download a set as a plain archive")
    @Policy(
        access="whole_database",
        tag="Databases",
        more={200: {"description": "An archive of pg_dump's custom format", "content": ARCHIVE}},
        failures=(*ALWAYS, *OF_FILES, "SERVICE_UNAVAILABLE", "OPERATION_IN_PROGRESS", "CANCELLED"),
    )
    def download_database(path: BackupSetPath, query: SetQuery) -> Response:
        """The archive of a set as pg_dump wrote it, which any pg_restore of its version reads."""
        return streams.download(path.location, path.timestamp, query.storage)

    return api
