"""Jobs: listed, looked at, followed, cancelled."""

from typing import Any

from flask import Response

from data_pipeline.api.answers import jobs as job_answers
from data_pipeline.api.event_stream import EventStreams
from data_pipeline.api.openapi.vocabulary import ALWAYS, header
from data_pipeline.api.policy import Policy
from data_pipeline.api.requests.job_schemas import JobPath, JobsQuery
from data_pipeline.api.routes.resource import Resource, answer
from data_pipeline.engine import Engine
from data_pipeline.jobs.jobs import Jobs

LAST_EVENT_ID = header("Last-Event-ID", "The last event that was seen; browsers send it by themselves")
EVENTS: dict[str, Any] = {
    "text/event-stream": {
        "schema": {
            "type": "string",
            "description": "The data of each event is a job as JSON",
            "contentSchema": {"$ref": "#/components/schemas/JobEvent"},
        },
        "example": 'retry: 2000\n\nid: 4\ndata: {"job_id": "77245a18eaa54833b36522f328de5a47", "state": "RUNNING"}\n\n',
    }
}


def routes(engine: Engine, jobs: Jobs) -> Resource:
    api = Resource("jobs")
    streams = EventStreams(jobs, max(1, engine.settings.threads // 2), lambda job: job_answers.JobEvent.of(job).data())

    @api.get("/jobs", summary="List the jobs")
    @Policy(
        access="read",
        tag="Jobs",
        answers={200: [job_answers.JobList]},
        failures=(*ALWAYS, "SERVICE_UNAVAILABLE"),
    )
    def list_jobs(query: JobsQuery) -> Response:
        """Newest first, calls that were answered at once included."""
        found = jobs.list(query.state, query.request_id, query.after, query.limit, query.kind)
        return answer(job_answers.JobList.of(found, query.limit))

    @api.get("/jobs/<job_id>", summary="Show a job")
    @Policy(
        access="read",
        tag="Jobs",
        answers={200: [job_answers.ShownJob]},
        failures=(*ALWAYS, "RESOURCE_NOT_FOUND", "SERVICE_UNAVAILABLE"),
    )
    def show_job(path: JobPath) -> Response:
        """One job: how far it is, and what became of it."""
        return answer(job_answers.ShownJob.of(jobs.get(path.job_id)))

    @api.post("/jobs/<job_id>/cancel", summary="Cancel a job")
    @Policy(
        access="operate",
        tag="Jobs",
        answers={200: [job_answers.ShownJob]},
        failures=(*ALWAYS, "PAYLOAD_TOO_LARGE", "RESOURCE_NOT_FOUND", "JOB_FINISHED", "SERVICE_UNAVAILABLE"),
    )
    def cancel_job(path: JobPath) -> Response:
        """Cancels a job that waits or runs, within a second in every phase; the tables are as before."""
        return answer(job_answers.ShownJob.cancelled(jobs.cancel(path.job_id)))

    @api.get("/jobs/<job_id>/events", summary="Follow a job: Server-Sent Events")
    @Policy(
        access="read",
        tag="Jobs",
        more={
            200: {"description": "Events, until the job has ended", "content": EVENTS},
            204: {"description": "The job has ended, and `Last-Event-ID` was its last event"},
        },
        failures=(*ALWAYS, "RESOURCE_NOT_FOUND", "SERVICE_UNAVAILABLE"),
        headers=[LAST_EVENT_ID],
    )
    def follow_job(path: JobPath) -> Response:
        """The job now, and each change until it has ended, as Server-Sent Events. A comment comes every few
        seconds."""
        return streams.open(path.job_id)

    return api
