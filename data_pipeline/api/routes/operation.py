"""A backup or a restore: answered when it has ended, or at once with a job to follow."""

from flask import Response

from data_pipeline.api import PREFIX, web
from data_pipeline.api.requests import job_schemas
from data_pipeline.api.routes.resource import answer
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.operations.requests.request import OperationRequest


def perform(jobs: Jobs, body: OperationRequest) -> Response:
    """Do it. Raises ServiceError."""
    origin, key = web.origin(), web.idempotency_key()
    if not body.as_job:
        return answer(jobs.perform(body, origin, key, replayed=web.replayed))
    job = jobs.submit(body, origin, key)
    response = answer(job_schemas.submitted(job, PREFIX), 202)
    response.headers["Location"] = job_schemas.links(job, PREFIX)["self"]
    return response
