"""The service itself: health, metrics, settings."""

from contextlib import suppress
from typing import Any

from flask import Response, g

from common.errors import ServiceError
from common.messages import say
from data_pipeline.api import PREFIX
from data_pipeline.api.answers import operating
from data_pipeline.api.openapi.vocabulary import ALWAYS, OPEN
from data_pipeline.api.operating import configuration
from data_pipeline.api.operating.health import Health
from data_pipeline.api.operating.metrics import Metrics
from data_pipeline.api.policy import Policy, permits
from data_pipeline.api.requests.bodies import ReadyQuery
from data_pipeline.api.routes.resource import Resource, answer
from data_pipeline.engine import Engine
from data_pipeline.jobs.jobs import Jobs

METRICS: dict[str, Any] = {
    "text/plain": {
        "schema": {"type": "string"},
        "example": 'vector_operations_total{operation="restore",outcome="SUCCESS"} 1.0\n',
    }
}


def routes(engine: Engine, jobs: Jobs, metrics: Metrics) -> Resource:
    api = Resource("service", prefix=None)
    health = Health(engine, jobs)

    @api.get("/healthz", summary="Is the process alive")
    @Policy(access="open", tag="Operations", answers={200: [operating.Alive]}, failures=OPEN)
    def healthz() -> Response:
        """Whether the process answers. Needs no token."""
        return answer(operating.Alive(response=say("service_alive")))

    @api.get("/readyz", summary="Can it work: database, storage and job queue")
    @Policy(
        access="open",
        tag="Operations",
        answers={200: [operating.Ready]},
        failures=(*OPEN, "SERVICE_UNAVAILABLE"),
        tells_more=True,
    )
    def readyz(query: ReadyQuery) -> Response:
        """Whether the database, the storage and the job queue are within reach. Needs no token; a caller that may do
        everything is told of the further targets and storages too, and of tables with vectors that backups leave out,
        which decide nothing. With `strict` a schedule whose next good backup is overdue decides too."""
        return answer(health.check(everything="caller" in g and permits("write", g.caller), strict=query.strict))

    @api.get("/metrics", summary="Metrics for Prometheus")
    @Policy(
        access="read",
        tag="Operations",
        more={200: {"description": "Metrics", "content": METRICS}},
        failures=ALWAYS,
    )
    def show_metrics() -> Response:
        """Counters and durations in Prometheus' text format."""
        metrics.queue(None)
        metrics.schedules([])
        with suppress(ServiceError):
            metrics.schedules(jobs.scheduler.states())
            metrics.queue(jobs.counts())
            metrics.history(jobs.last_successes())
        return Response(metrics.text(), mimetype="text/plain; version=0.0.4")

    @api.get(f"{PREFIX}/settings", summary="Show the settings, without secrets")
    @Policy(access="read", tag="Operations", answers={200: [operating.ShownSettings]}, failures=ALWAYS)
    def show_settings() -> Response:
        """The version, the settings without secrets and paths, and the names that requests may use."""
        return answer(configuration.describe(engine))

    return api
