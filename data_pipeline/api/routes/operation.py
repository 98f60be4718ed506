"""A backup or a restore: answered when it has ended, or at once with a job to follow."""

from flask import Response

from data_pipeline.api import web
from data_pipeline.api.answers.jobs import Links, SubmittedJob
from data_pipeline.api.routes.resource import answer
from data_pipeline.api.security.permissions import expect_operation
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.operations.requests.request import OperationRequest


def perform(jobs: Jobs, body: OperationRequest) -> Response:
    """Do it. Raises ServiceError, Forbidden for what the caller's role may not do to this database."""
    expect_operation(jobs.resources, body)
    origin, key = web.origin(), web.idempotency_key()
    if not body.as_job:
        return answer(jobs.perform(body, origin, key, replayed=web.replayed))
    job = jobs.submit(body, origin, key)
    response = answer(SubmittedJob.of(job), 202)
    response.headers["Location"] = Links.of(job).self
    return response
