"""Notifications: what was told, and what could not be."""

from flask import Response

from data_pipeline.api import BASE
from data_pipeline.api.answers.notifications import NotificationList
from data_pipeline.api.openapi.vocabulary import ALWAYS
from data_pipeline.api.policy import Policy
from data_pipeline.api.requests.job_schemas import NotificationsQuery
from data_pipeline.api.routes.resource import Resource, answer
from data_pipeline.jobs.jobs import Jobs


def routes(jobs: Jobs) -> Resource:
    api = Resource("notifications", prefix=BASE)

    @api.get("/notifications", summary="List the notifications")
    @Policy(
        access="read",
        tag="Notifiers",
        answers={200: [NotificationList]},
        failures=(*ALWAYS, "SERVICE_UNAVAILABLE"),
    )
    def list_notifications(query: NotificationsQuery) -> Response:
        """Newest first: what was sent, what waits to be sent again and why, and what was given up after a day."""
        return answer(NotificationList.of(jobs.notifications.outbox.newest(query.notifier, query.limit)))

    return api
