"""Stacks: several stores backed up and restored together."""

from contextlib import ExitStack
from typing import Any

from flask import Response, request

from data_pipeline.api import BASE, web
from data_pipeline.api.answers import jobs as job_answers
from data_pipeline.api.download import Downloads, zipped
from data_pipeline.api.openapi.vocabulary import (
    ALWAYS,
    IDEMPOTENCY_KEY,
    IN_DATABASE,
    OF_CALLS,
    OF_FILES,
    STORING,
    WRITING,
)
from data_pipeline.api.policy import Policy
from data_pipeline.api.requests.bodies import SetQuery
from data_pipeline.api.requests.stacks import StackDownloadQuery, StackPath, StackSetPath
from data_pipeline.api.routes.operation import perform
from data_pipeline.api.routes.resource import Resource, answer
from data_pipeline.engine import Engine
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.operations import registry
from data_pipeline.operations.drill.operation import DrillOperation
from data_pipeline.operations.results.result import NamedBackup
from data_pipeline.operations.stacks import results
from data_pipeline.operations.stacks.compare import StackComparison
from data_pipeline.operations.stacks.drill import StackDrill
from data_pipeline.operations.stacks.members import Members
from data_pipeline.operations.stacks.operation import StackBackupOperation, StackRestoreOperation
from data_pipeline.operations.stacks.requests import (
    StackBackupBody,
    StackBackupRequest,
    StackRestoreBody,
    StackRestoreRequest,
    StackVerifyBody,
)
from data_pipeline.operations.stacks.stack_manager import StackManager
from data_pipeline.operations.stacks.upload import StackUpload
from data_pipeline.sets.tar import Archive

TAG = "Stacks"
GZIP: dict[str, Any] = {"application/gzip": {"schema": {"type": "string", "format": "binary"}}}
OF_MEMBERS = (*STORING, "DATABASE_ERROR", "EXTRA_MISSING")
FAILURES = tuple(
    dict.fromkeys(
        (*ALWAYS, *WRITING, *OF_FILES, *OF_CALLS, *IN_DATABASE, *OF_MEMBERS, "MISSING_REQUIRED_PARAMS", "ORPHAN_ROWS")
    )
)


def routes(engine: Engine, jobs: Jobs) -> Resource:
    api = Resource("stacks", prefix=f"{BASE}/stacks")
    manager = StackManager(engine, registry.of(engine))
    _add_sets(api, engine, manager)
    _add_checks(api, engine, jobs)
    _add_upload(api, engine)

    @api.get("", summary="List the stacks")
    @Policy(access="read", tag=TAG, answers={200: [results.StackList]}, failures=(*ALWAYS, "SERVICE_UNAVAILABLE"))
    def list_stacks() -> Response:
        """The stacks of STACKS, with the stores that belong together, and whether each is within reach."""
        return answer(manager.all())

    @api.post("/<name>/backup", summary="Back up a stack")
    @Policy(
        access="operate",
        tag=TAG,
        answers={200: [results.StackBackedUp], 202: [job_answers.SubmittedJob]},
        failures=FAILURES,
        headers=[IDEMPOTENCY_KEY],
        occupies=True,
        operation=StackBackupRequest.kind,
        bug=StackBackupOperation.bug,
    )
    def back_up_stack(path: StackPath, body: StackBackupBody) -> Response:
        """All members at a time, as near to one moment as their stores permit; one file vouches for all of their sets.
        Nothing is begun while a member is out of reach; where one fails, `sets` names those that exist."""
        return perform(jobs, StackBackupRequest.read({"stack": path.name, **body.as_sent()}))

    @api.post("/<name>/restore", summary="Restore a stack")
    @Policy(
        access="write",
        tag=TAG,
        answers={200: [results.StackRestored], 202: [job_answers.SubmittedJob]},
        failures=FAILURES,
        headers=[IDEMPOTENCY_KEY],
        occupies=True,
        operation=StackRestoreRequest.kind,
        bug=StackRestoreOperation.bug,
    )
    def restore_stack(path: StackPath, body: StackRestoreBody) -> Response:
        """Every member's set is verified to its last byte first. Then member after member: PostgreSQL, objects, Milvus,
        Neo4j, Redis. Where one fails, the rest isn't begun, and `undo` brings back what was there."""
        return perform(jobs, StackRestoreRequest.read({"stack": path.name, **body.as_sent()}))

    return api


def _add_sets(api: Resource, engine: Engine, manager: StackManager) -> None:
    downloads = Downloads(engine)

    @api.get("/<name>/sets", summary="List the sets of a stack")
    @Policy(
        access="read",
        tag=TAG,
        answers={200: [results.StackSetList]},
        failures=(*ALWAYS, *OF_FILES, "SERVICE_UNAVAILABLE"),
    )
    def list_stack_sets(path: StackPath, query: SetQuery) -> Response:
        """Newest first, each with what its members' copies are of, and whether all of them are there."""
        return answer(manager.sets(path.name, query.storage))

    @api.post("/<name>/verify", summary="Verify every byte of a stack's set")
    @Policy(
        access="check",
        tag=TAG,
        answers={200: [results.StackVerified]},
        failures=(*ALWAYS, "MISSING_REQUIRED_PARAMS", *WRITING, *OF_FILES, "ORPHAN_ROWS", "OPERATION_IN_PROGRESS"),
        occupies=True,
    )
    def verify_stack(path: StackPath, body: StackVerifyBody) -> Response:
        """Reads every byte of every member's set, or of some, and compares it with what the stack's set vouches for."""
        return answer(manager.verify(path.name, _named(body), body.members))

    @api.get("/<name>/download", summary="Download a stack's set as a tar.gz")
    @Policy(
        access="whole_data",
        tag=TAG,
        more={200: {"description": "The whole tar, compressed", "content": GZIP}},
        failures=(*ALWAYS, *OF_FILES, "MISSING_REQUIRED_PARAMS", "OPERATION_IN_PROGRESS", "SERVICE_UNAVAILABLE"),
    )
    def download_stack_set(path: StackPath, query: StackDownloadQuery) -> Response:
        """The stack's file and every file of its members' sets."""
        with ExitStack() as stack:
            downloads.enter(stack)
            files = stack.enter_context(manager.files(path.name, query.timestamp, query.storage))
            return zipped(Archive(files), stack.pop_all(), f"stack_{path.name}_{query.timestamp}.tar.gz")

    @api.delete("/<name>/sets/<timestamp>", summary="Delete a stack's set")
    @Policy(
        access="write",
        tag=TAG,
        answers={200: [results.DeletedStackSet]},
        failures=(*ALWAYS, *WRITING, *OF_FILES, "OPERATION_IN_PROGRESS", "STORAGE_UNSUPPORTED"),
        occupies=True,
    )
    def delete_stack_set(path: StackSetPath, query: SetQuery) -> Response:
        """Removes a stack's set, and the sets of its members that no other stack's set names."""
        return answer(manager.delete(path.name, path.timestamp, query.storage))


def _add_checks(api: Resource, engine: Engine, jobs: Jobs) -> None:
    comparison = StackComparison(engine, Members(engine, registry.of(engine)))
    drill = StackDrill(engine, lambda asked: jobs.perform(asked, web.origin()))

    @api.post("/<name>/compare", summary="Compare a stack's set with what its members hold now")
    @Policy(access="check", tag=TAG, answers={200: [results.StackCompared]}, failures=FAILURES, occupies=True)
    def compare_stack(path: StackPath, body: StackVerifyBody) -> Response:
        """By each store's own comparison. Of a whole database it isn't known: `identical` is null. Changes nothing."""
        return answer(comparison.compare(path.name, _named(body), body.members))

    @api.post("/<name>/drill", summary="Prove a stack's set by restoring its members' sets")
    @Policy(
        access="operate",
        tag=TAG,
        answers={200: [results.StackDrilled]},
        failures=FAILURES,
        occupies=True,
        bug=DrillOperation.bug,
    )
    def drill_stack(path: StackPath, body: StackVerifyBody) -> Response:
        """Member after member into a server that is made for it and removed afterwards: PostgreSQL, Redis, Milvus. Of
        the others there is none: their `proven` is null."""
        return answer(drill.run(path.name, _named(body), body.members))


def _add_upload(api: Resource, engine: Engine) -> None:
    upload = StackUpload(engine)

    @api.post("/upload", summary="Upload a stack's set: the tar.gz of a download")
    @Policy(
        access="write",
        tag=TAG,
        answers={200: [results.StackUploaded]},
        failures=(*ALWAYS, *WRITING, *OF_FILES, *STORING, "ORPHAN_ROWS", "BACKUP_EXISTS"),
        request_body={"required": True, "description": "The tar.gz of a download", "content": GZIP},
        occupies=True,
        uploads=True,
    )
    def upload_stack_set(query: SetQuery) -> Response:
        """Takes the sets of all members in, reads each to its last byte, and only then lists them and the stack's."""
        request.max_content_length = engine.settings.upload_max_bytes
        return answer(upload.receive(request.stream, query.storage))


def _named(body: StackVerifyBody) -> NamedBackup:
    return NamedBackup(backup_path=body.named_set.backup_path, timestamp=body.named_set.timestamp)
