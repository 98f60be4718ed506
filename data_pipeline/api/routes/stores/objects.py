"""The objects of a bucket: backed up and restored."""

from flask import Response

from data_pipeline.api import BASE
from data_pipeline.api.answers import jobs as job_answers
from data_pipeline.api.openapi.vocabulary import ALWAYS, IDEMPOTENCY_KEY, OF_CALLS, OF_FILES, STORING, WRITING
from data_pipeline.api.policy import Policy
from data_pipeline.api.routes.operation import perform
from data_pipeline.api.routes.resource import Resource
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.operations.objects.operation import ObjectsBackupOperation, ObjectsRestoreOperation
from data_pipeline.operations.objects.requests import ObjectsBackupRequest, ObjectsRestoreRequest
from data_pipeline.operations.objects.results import ObjectsRestored
from data_pipeline.operations.results.store_backup import StoreBackedUp

FAILURES = tuple(
    dict.fromkeys(
        (
            *ALWAYS,
            "MISSING_REQUIRED_PARAMS",
            *WRITING,
            *OF_FILES,
            *OF_CALLS,
            *STORING,
            "DATABASE_ERROR",
            "EXTRA_MISSING",
        )
    )
)


def routes(jobs: Jobs) -> Resource:
    api = Resource("objects", prefix=f"{BASE}/objects")

    @api.post("/backup", summary="Back up the objects of a bucket")
    @Policy(
        access="operate",
        tag="Other stores",
        answers={200: [StoreBackedUp], 202: [job_answers.SubmittedJob]},
        failures=FAILURES,
        headers=[IDEMPOTENCY_KEY],
        occupies=True,
        operation=ObjectsBackupRequest.kind,
        bug=ObjectsBackupOperation.bug,
    )
    def back_up_objects(body: ObjectsBackupRequest) -> Response:
        """Bytes, content type and other headers, metadata and tags of every object below the target's prefix. Each is
        one version of it, as it was when it was read: a bucket has no snapshot."""
        return perform(jobs, body)

    @api.post("/restore", summary="Restore objects into a bucket")
    @Policy(
        access="operate",
        tag="Other stores",
        answers={200: [ObjectsRestored], 202: [job_answers.SubmittedJob]},
        failures=FAILURES,
        headers=[IDEMPOTENCY_KEY],
        occupies=True,
        operation=ObjectsRestoreRequest.kind,
        bug=ObjectsRestoreOperation.bug,
    )
    def restore_objects(body: ObjectsRestoreRequest) -> Response:
        """The whole set is verified before anything is written; each object is read back after that. What fails is
        undone."""
        return perform(jobs, body)

    return api
