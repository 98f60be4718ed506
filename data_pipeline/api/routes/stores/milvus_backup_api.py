"""milvus-backup's REST API at /api/v1, answered as its server does, so that its clients work unchanged.

Failures are HTTP 200 with a `code`, a success has none, unknown fields are ignored. What is asked becomes a job.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, request
from pydantic import BaseModel, ConfigDict, Field

from common.errors import ServiceError
from data_pipeline.api import web
from data_pipeline.api.openapi.vocabulary import ALWAYS
from data_pipeline.api.policy import Access, Policy
from data_pipeline.api.routes.resource import Resource
from data_pipeline.engine import Engine
from data_pipeline.jobs.job import Origin
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.operations.milvus.backup_api import asked, told
from data_pipeline.operations.milvus.backup_api.asked import BadParameter, Unsupported
from data_pipeline.operations.milvus.backup_api.sets import NamedSets

BASE = "/api/v1"
HELLO = "Hello, This is backup service"
UNSUPPORTED, FAIL, BAD_PARAMETER, NOT_FOUND = 1, 3, 400, 404
CREATING, RESTORING = "create backup is executing asynchronously", "restore backup is executing asynchronously"
JSON = "application/json"
TEXT: dict[str, Any] = {"text/plain": {"schema": {"type": "string"}, "example": HELLO}}


class AnyQuery(BaseModel):
    """Keys that aren't known are ignored here."""

    model_config = ConfigDict(extra="ignore")


class BackupQuery(AnyQuery):
    """Which backup."""

    backup_name: str = Field("", description="By its name")
    backup_id: str = Field("", description="By its id")
    collection_name: str = Field("", description="Not supported: code 400")


class RestoreQuery(AnyQuery):
    """Which restore."""

    id: str = Field("", description="As the restore was answered with")


def policy(access: Access, example: Mapping[str, Any], *, body: Mapping[str, Any] | None = None) -> Policy:
    """That of a route whose answers aren't in the envelope."""
    content = {JSON: {"schema": {"type": "object"}, "examples": {"success": {"value": dict(example)}}}}
    taken = {JSON: {"schema": {"type": "object"}, "examples": {"documented": {"value": dict(body or {})}}}}
    return Policy(
        access=access,
        tag="milvus-backup",
        failures=ALWAYS,
        more={200: {"description": "As milvus-backup answers: a `code` says that it failed", "content": content}},
        request_body={"content": taken} if body is not None else None,
    )


CREATE = {"async": True, "backup_name": "my_backup", "collection_names": ["hello_milvus"]}
RESTORE = {**CREATE, "collection_suffix": "_recover"}


def routes(engine: Engine, jobs: Jobs) -> Resource:
    api = Resource("milvus_backup_api", prefix=BASE)
    sets = NamedSets(engine)

    _add_probes(engine, sets, api)

    @api.post("/create", summary="Create a backup")
    @policy("write", {"requestId": "b6c1", "msg": CREATING, "data": None}, body=CREATE)
    def milvus_backup_create() -> Response:
        """With `async` it goes on as a job, which `GET /get_backup` tells of."""
        return _answered(lambda body: _create(engine, jobs, sets, body))

    @api.get("/list", summary="List the backups")
    @policy(
        "read", {"msg": "success", "data": [{"id": "1", "name": "my_backup", "size": 1024, "milvus_version": "2.6"}]}
    )
    def milvus_backup_list(query: BackupQuery) -> Response:
        """Every set of Milvus."""
        if query.collection_name:
            return _json({"code": BAD_PARAMETER, "msg": "collection_name is not supported", "data": []})
        return _answered(lambda _: {"data": [told.listed(one) for one in sets.all()]})

    @api.get("/get_backup", summary="Show a backup")
    @policy("read", {"msg": "success", "data": {"id": "1", "name": "my_backup", "state_code": 2, "progress": 100}})
    def milvus_backup_get(query: BackupQuery) -> Response:
        """By `backup_name` or `backup_id`: its collections, or how far it is."""
        return _answered(lambda _: {"data": _backup(jobs, sets, query.backup_name, query.backup_id)})

    @api.delete("/delete", summary="Delete a backup")
    @policy("write", {"msg": "success"})
    def milvus_backup_delete(query: BackupQuery) -> Response:
        """By `backup_name`. One that isn't there is code 3."""
        return _answered(lambda _: _delete(sets, query.backup_name), data=False)

    @api.post("/restore", summary="Restore a backup")
    @policy(
        "write", {"requestId": "b6c1", "msg": RESTORING, "data": {"id": "restore_1", "state_code": 0}}, body=RESTORE
    )
    def milvus_backup_restore() -> Response:
        """With `async` it goes on as a job, which `GET /get_restore` tells of by its `id`."""
        return _answered(lambda body: _restore(engine, jobs, sets, body))

    @api.get("/get_restore", summary="Show a restore")
    @policy("read", {"msg": "success", "data": {"id": "restore_1", "state_code": 2, "progress": 100}})
    def milvus_backup_get_restore(query: RestoreQuery) -> Response:
        """By the `id` that the restore was answered with. One that isn't there is code 3."""
        return _answered(lambda _: _restored(jobs, query.id))

    return api


def _add_probes(engine: Engine, sets: NamedSets, api: Resource) -> None:
    """Whether this server, and Milvus, are there."""

    @api.get("/hello", summary="Whether the server of backups is there")
    @Policy(access="read", tag="milvus-backup", failures=ALWAYS, more={200: {"description": "Text", "content": TEXT}})
    def milvus_backup_hello() -> Response:
        """A text."""
        return Response(HELLO, mimetype="text/plain")

    @api.get("/check", summary="Whether Milvus answers")
    @Policy(access="read", tag="milvus-backup", failures=ALWAYS, more={200: {"description": "Text", "content": TEXT}})
    def milvus_backup_check() -> Response:
        """A text; 500 with `error` where Milvus doesn't answer."""
        try:
            version = sets.check(asked.target(engine))
        except ServiceError as error:
            return _json({"error": error.response}, 500)
        return Response(f"Succeed to connect to milvus {version}", mimetype="text/plain")


def _create(engine: Engine, jobs: Jobs, sets: NamedSets, body: Mapping[str, Any]) -> dict[str, Any]:
    wanted = asked.backup(engine, body)
    if wanted.name and (sets.find(wanted.name) or _running(jobs, wanted.name)):
        raise BadParameter(f"backup already exist with the name: {wanted.name}")
    origin = web.origin()
    if wanted.as_job:
        job = jobs.submit(wanted, origin)
        return {"requestId": job.request_id, "msg": CREATING, "data": None}
    done = jobs.perform(wanted, origin)
    made = sets.find(str(done["backup_name"]))
    return {"requestId": origin.request_id, "data": told.backup(made) if made else None}


def _backup(jobs: Jobs, sets: NamedSets, name: str, backup_id: str) -> dict[str, Any]:
    if not (name or backup_id):
        raise BadParameter("empty backup name and backup id")
    found = sets.find(name) if name else sets.by_id(backup_id)
    if found:
        return told.backup(found)
    if job := _running(jobs, name):
        return told.backup_under_way(name, job)
    raise _NotFound(f"not found backup with name: {name or backup_id}")


def _delete(sets: NamedSets, name: str) -> dict[str, Any]:
    if not name:
        raise BadParameter("empty backup name")
    if not sets.delete(name):
        raise _Failed(f"backup not found: {name}")
    return {}


def _restore(engine: Engine, jobs: Jobs, sets: NamedSets, body: Mapping[str, Any]) -> dict[str, Any]:
    found = sets.find(str(body.get("backup_name") or ""))
    if found is None:
        raise BadParameter(f"backup not found: {body.get('backup_name', '')}")
    wanted, restore_id = asked.restore(engine, body, found), asked.restore_id(body)
    here = web.origin()
    origin = Origin(request_id=restore_id, who=here.who, client=here.client)
    request_id = str(body.get("requestId") or here.request_id)
    if wanted.as_job:
        job = jobs.submit(wanted, origin)
        return {"requestId": request_id, "msg": RESTORING, "data": told.restore(job)}
    jobs.perform(wanted, origin)
    return {"requestId": request_id, **_restored(jobs, restore_id)}


def _restored(jobs: Jobs, restore_id: str) -> dict[str, Any]:
    found = jobs.list(None, restore_id, None, 1, None) if asked.is_id(restore_id) else []
    if not found:
        raise _Failed(f"restore task not found: {restore_id}")
    return {"data": told.restore(found[0])}


def _running(jobs: Jobs, name: str) -> Any:
    """The newest job that makes, or has failed to make, a backup of this name."""
    found = jobs.list(None, None, None, 100, asked.BACKUP)
    return next((job for job in found if name and job.request.get("name") == name and job.state != "SUCCEEDED"), None)


class _NotFound(Exception):
    """Answered with code 404."""


class _Failed(Exception):
    """Answered with code 3."""


def _answered(act: Callable[[Mapping[str, Any]], Mapping[str, Any]], *, data: bool = True) -> Response:
    """What an action gives, or its failure, as milvus-backup says it. data: whether a failure has that key."""
    try:
        body = _body()
    except ValueError:
        return _json({"error": "the body is no JSON object"}, 400)
    try:
        return _json({"msg": "success", **act(body)})
    except BadParameter as error:
        code, text = BAD_PARAMETER, str(error)
    except Unsupported as error:
        code, text = UNSUPPORTED, str(error)
    except _NotFound as error:
        code, text = NOT_FOUND, str(error)
    except _Failed as error:
        code, text = FAIL, str(error)
    except ServiceError as error:
        code, text = (BAD_PARAMETER if error.status == BAD_PARAMETER else FAIL), error.response
    failure: dict[str, Any] = {"requestId": web.origin().request_id, "code": code, "msg": text}
    return _json({**failure, "data": None} if data else failure)


def _body() -> dict[str, Any]:
    """Raises ValueError."""
    data = request.get_data()
    body = json.loads(data) if data else {}
    if not isinstance(body, dict):
        raise ValueError("no object")
    return body


def _json(document: Mapping[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(document, ensure_ascii=False), status, mimetype=JSON)
