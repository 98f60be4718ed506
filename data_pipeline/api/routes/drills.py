"""Drills: a set is proven by restoring it, and what has been proven."""

from flask import Response

from data_pipeline.api import BASE
from data_pipeline.api.answers import drills
from data_pipeline.api.answers import jobs as job_answers
from data_pipeline.api.openapi.vocabulary import ALWAYS, IDEMPOTENCY_KEY, IN_DATABASE, OF_CALLS, OF_FILES, WRITING
from data_pipeline.api.policy import Policy
from data_pipeline.api.requests.bodies import BackupSetPath, DrillBody, SetQuery
from data_pipeline.api.routes.operation import perform
from data_pipeline.api.routes.resource import Resource, answer
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.operations.drill.operation import DrillOperation
from data_pipeline.operations.requests.drill import DrillRequest
from data_pipeline.operations.results.drill import Drilled


def routes(jobs: Jobs) -> Resource:
    api = Resource("drills", prefix=BASE)

    @api.get("/drills", summary="List what drills have proven")
    @Policy(
        access="read",
        tag="Backup sets",
        answers={200: [drills.DrillList]},
        failures=(*ALWAYS, "SERVICE_UNAVAILABLE"),
    )
    def list_drills() -> Response:
        """Every set that was drilled, with the newest result and when it was last proven."""
        return answer(drills.DrillList.of(jobs.drills.each()))

    @api.post("/vector/backups/<location>/<timestamp>/drill", summary="Prove a backup set by restoring it")
    @Policy(
        access="operate",
        tag="Backup sets",
        answers={200: [Drilled], 202: [job_answers.SubmittedJob]},
        failures=(*ALWAYS, *WRITING, *OF_FILES, *IN_DATABASE, *OF_CALLS, "ORPHAN_ROWS"),
        headers=[IDEMPOTENCY_KEY],
        occupies=True,
        operation=DrillRequest.kind,
        bug=DrillOperation.bug,
    )
    def drill_backup_set(path: BackupSetPath, query: SetQuery, body: DrillBody) -> Response:
        """Restores a set into a PostgreSQL that is made for it and removed afterwards, compares every row with the set
        to the bit, and repeats its searches. No other database is touched."""
        named = {"location": path.location, "timestamp": path.timestamp, "storage": query.storage}
        return perform(jobs, DrillRequest.read({**named, "async": body.as_job}))

    return api
