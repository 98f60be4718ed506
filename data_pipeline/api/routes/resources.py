"""Resources: targets, storages, schedules and notifiers, each kind with the same routes."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from flask import Response

from common.messages import Message, say
from data_pipeline.api import BASE, web
from data_pipeline.api.answers import schedules
from data_pipeline.api.answers.jobs import Links, SubmittedJob
from data_pipeline.api.answers.resources import DeletedResource, ResourceAnswers, TriedResource
from data_pipeline.api.openapi.vocabulary import ALWAYS, IN_DATABASE, OF_FILES, STORING, WRITING
from data_pipeline.api.policy import Policy
from data_pipeline.api.requests.resources import NEW, ResourcePath
from data_pipeline.api.routes.resource import Resource, answer
from data_pipeline.api.security.permissions import expect_operation
from data_pipeline.engine import Engine
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.operations.results.result import Result
from data_pipeline.resources.kind import Held, Kind

OF_KIND = {"target": "Targets", "storage": "Storages", "schedule": "Schedules", "notifier": "Notifiers"}
"""The tag of each, by its name."""

CHANGING = (*ALWAYS, "MISSING_REQUIRED_PARAMS", *WRITING)
TRYING = {
    "target": ("DATABASE_ERROR", "TIMEOUT", "EXTRA_MISSING"),
    "storage": ("PERMISSION_DENIED", "STORAGE_FULL", "STORAGE_UNSUPPORTED"),
    "schedule": ("DATABASE_ERROR",),
    "notifier": ("NOTIFIER_FAILED", "NOTIFIER_UNSUPPORTED"),
}
"""How a test of each may fail, beside what every write may."""


def routes(engine: Engine, jobs: Jobs) -> Resource:
    api = Resource("resources", prefix=BASE)
    for kind in jobs.resources.kinds.values():
        _OfKind(api, engine, jobs, kind).add()
    _add_run(api, jobs)
    return api


class _OfKind:
    """The routes of one kind of resource."""

    def __init__(self, api: Resource, engine: Engine, jobs: Jobs, kind: Kind[Any]) -> None:
        self._api = api
        self._kind = kind
        self._resources = jobs.resources
        self._jobs = jobs
        self._answers = ResourceAnswers(engine, jobs.resources, partial(schedules.status, jobs))
        self._shown = cast("type[Result]", self._answers.shown[kind.name])

    def add(self) -> None:
        one, many, tag = self._kind.name, self._kind.plural, OF_KIND[self._kind.name]
        item = f"/{many}/<name>"
        self._add("get", f"/{many}", self._list(), f"list_{many}", f"List the {many}", tag)
        self._add("post", f"/{many}", self._create(), f"create_{one}", f"Create a {one}", tag)
        self._add("get", item, self._show(), f"show_{one}", f"Show a {one}", tag)
        self._add("put", item, self._change(), f"change_{one}", f"Change a {one}", tag)
        self._add("delete", item, self._delete(), f"delete_{one}", f"Delete a {one}", tag)
        self._add("post", f"{item}/test", self._test(), f"test_{one}", f"Test a {one}", tag)

    def _add(self, method: str, rule: str, made: tuple[Any, Policy], name: str, summary: str, tag: str) -> None:
        """Serve a view under a name of its own, which the description knows it by."""
        view, route = made
        view.__name__ = view.__qualname__ = name
        getattr(self._api, method)(rule, summary=summary)(route(view))

    def _policy(self, access: Any, status: int, model: type[Result], failures: tuple[str, ...]) -> Policy:
        return Policy(access=access, tag=OF_KIND[self._kind.name], answers={status: [model]}, failures=failures)

    def _list(self) -> tuple[Callable[..., Response], Policy]:
        def view() -> Response:
            """Those of the environment first, which are known without the jobs database; no secret is shown."""
            held, complete = self._resources.known(self._kind.name)
            return answer(self._answers.listed(self._kind.name, held, complete))

        return view, self._policy("read", 200, self._answers.lists[self._kind.name], ALWAYS)

    def _create(self) -> tuple[Callable[..., Response], Policy]:
        def view(body: Any) -> Response:
            """Secrets are encrypted before they are stored, and never shown again."""
            config = self._kind.config.of(body.as_sent())
            return self._answer(
                self._resources.create(self._kind.name, body.name, config), say("resource_created"), 201
            )

        view.__annotations__["body"] = NEW[self._kind.name]
        return view, self._policy("write", 201, self._shown, (*CHANGING, "RESOURCE_EXISTS", *self._unknown()))

    def _show(self) -> tuple[Callable[..., Response], Policy]:
        def view(path: ResourcePath) -> Response:
            """What is configured, and how it stands; no secret is shown."""
            return self._answer(self._resources.get(self._kind.name, path.name), say("resource_shown"))

        return view, self._policy("read", 200, self._shown, (*ALWAYS, "RESOURCE_NOT_FOUND", "SERVICE_UNAVAILABLE"))

    def _change(self) -> tuple[Callable[..., Response], Policy]:
        def view(path: ResourcePath, body: Any) -> Response:
            """The body is the whole configuration; only a secret that is left out stays as it is."""
            held = self._resources.change(self._kind.name, path.name, body)
            return self._answer(held, say("resource_changed"))

        view.__annotations__["body"] = self._kind.config
        failures = (*CHANGING, "RESOURCE_NOT_FOUND", "RESOURCE_READ_ONLY", *self._unknown())
        return view, self._policy("write", 200, self._shown, tuple(dict.fromkeys(failures)))

    def _delete(self) -> tuple[Callable[..., Response], Policy]:
        def view(path: ResourcePath) -> Response:
            """Backup sets stay. Refused while a schedule names it."""
            self._jobs.delete_resource(self._kind.name, path.name)
            return answer(DeletedResource(response=say("resource_deleted"), name=path.name))

        failures = (*ALWAYS, *WRITING, "RESOURCE_NOT_FOUND", "RESOURCE_READ_ONLY", "RESOURCE_IN_USE")
        return view, self._policy("write", 200, DeletedResource, failures)

    def _test(self) -> tuple[Callable[..., Response], Policy]:
        def view(path: ResourcePath) -> Response:
            """Connects, and says what was seen; of a schedule its next times; a notifier is sent a message. Changes
            nothing."""
            seen = self._resources.try_out(self._kind.name, path.name)
            return answer(TriedResource(response=say("resource_works"), name=path.name, seen=seen))

        failures = (*ALWAYS, *WRITING, "RESOURCE_NOT_FOUND", *TRYING[self._kind.name])
        return view, self._policy("write", 200, TriedResource, failures)

    def _unknown(self) -> tuple[str, ...]:
        """A schedule is checked against the databases it names, a notifier by the package that knows its service."""
        return {"schedule": ("DATABASE_ERROR",), "notifier": ("NOTIFIER_UNSUPPORTED",)}.get(self._kind.name, ())

    def _answer(self, held: Held[Any], text: Message, status: int = 200) -> Response:
        model = self._answers.shown[self._kind.name]
        return answer(cast("Result", self._answers.part(self._kind.name, held, model, response=text)), status)


def _add_run(api: Resource, jobs: Jobs) -> None:
    @api.post("/schedules/<name>/run", summary="Run a schedule now")
    @Policy(
        access="operate",
        tag=OF_KIND["schedule"],
        answers={202: [SubmittedJob]},
        failures=tuple(dict.fromkeys((*ALWAYS, *WRITING, *OF_FILES, *IN_DATABASE, *STORING))),
    )
    def run_schedule(path: ResourcePath) -> Response:
        """Queues what the schedule does, as at a due time, paused or not; its set is one of the schedule's."""
        expect_operation(jobs.resources, jobs.resources.config("schedule", path.name).operation())
        job = jobs.scheduler.run_now(path.name, web.origin())
        response = answer(SubmittedJob.of(job), 202)
        response.headers["Location"] = Links.of(job).self
        return response
