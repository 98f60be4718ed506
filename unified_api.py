"""The backup and restore service for LangChain's pgvector tables.

`python unified_api.py` serves; `python unified_api.py --help` lists what it does on the command line.
"""

import sys

if __name__ == "__main__":  # before all that only a server needs: the other commands begin in half the time
    from data_pipeline.cli import command_line

    ASKED = command_line.run()

import threading
from contextlib import suppress
from typing import Any

import structlog
from flask import Response, g, jsonify, request
from flask_openapi3 import OpenAPI

from common import memory
from common.errors import ServiceError
from common.result import success_response
from data_pipeline.admin.panel import add_panel
from data_pipeline.api import ending, operations, web
from data_pipeline.api.download import Downloads
from data_pipeline.api.event_stream import EventStreams
from data_pipeline.api.openapi import explorer
from data_pipeline.api.openapi.description import DescribedAPI
from data_pipeline.api.operating import logs
from data_pipeline.api.operating.audit import Journal, write_down_job
from data_pipeline.api.operating.health import Health
from data_pipeline.api.operating.metrics import Metrics
from data_pipeline.api.requests import job_schemas
from data_pipeline.api.requests.bodies import (
    PREFIX,
    BackupBody,
    BackupSetPath,
    CompareBody,
    CopyBody,
    ListQuery,
    RestoreBody,
    SetQuery,
    UploadQuery,
)
from data_pipeline.api.requests.job_schemas import JobPath, JobsQuery
from data_pipeline.api.security.access import FULL, LOCAL, Doors
from data_pipeline.api.security.throttle import Throttle
from data_pipeline.api.server import addresses, listen
from data_pipeline.api.upload import Uploads
from data_pipeline.api.vector_restore_manager import VectorRestoreManager, counted
from data_pipeline.engine import Engine
from data_pipeline.jobs.job import Job
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.operations.backup_sets import BackupSetManager
from data_pipeline.operations.compare import BackupComparison
from data_pipeline.operations.retention import Retention
from data_pipeline.postgres.target import forget_libpq_variables
from data_pipeline.postgres_server.embedded import EmbeddedServerError
from data_pipeline.settings import Settings, SettingsError

log = structlog.get_logger("unified_api")


def create_app(settings: Settings | None = None, engine: Engine | None = None) -> OpenAPI:
    """The WSGI application. Nothing connects or starts before the first request that needs it.

    Its jobs are app.extensions["jobs"], to be closed by whoever closes the engine.
    """
    engine = engine or Engine.build(settings or Settings.load())
    settings = engine.settings
    app = DescribedAPI(__name__)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    metrics = Metrics()
    Journal(metrics, settings.trusted_proxies).set_up(
        app
    )  # first, so that whatever is refused after it has an id and a record too
    throttle = Throttle(places=settings.threads // 8)
    Doors(settings, throttle).set_up(app)
    web.set_up(app)
    explorer.set_up(app)
    jobs = app.extensions["jobs"] = build_jobs(engine, metrics)
    _add_restore_routes(app, engine, jobs)
    _add_backup_routes(app, engine, jobs)
    _add_transfer_routes(app, engine)
    _add_job_routes(app, engine, jobs)
    _add_operations_routes(app, engine, jobs, metrics)
    add_panel(app, engine, throttle)
    return app


def build_jobs(engine: Engine, metrics: Metrics) -> Jobs:
    """The jobs of a service or a worker; nothing starts yet."""
    settings = engine.settings

    def finished(job: Job) -> None:
        if not job.sync or job.state == "INTERRUPTED":  # any other synchronous call had a record when it was answered
            metrics.job(job)
            write_down_job(job)

    retention = Retention(engine, settings.backup_keep_days, settings.backup_keep_last)
    return Jobs(engine, operations.of(engine), finished, retention.retire)


def _add_restore_routes(app: OpenAPI, engine: Engine, jobs: Jobs) -> None:
    manager = VectorRestoreManager(engine=engine)

    @app.get(f"{PREFIX}/restore/list", summary="List the backups")
    def list_vector_backups(query: ListQuery) -> Response:
        found = manager.scan_backup_files(query.global_only, query.task_id, query.storage)
        return jsonify(success_response(counted(found["summary"]), found))

    @app.post(f"{PREFIX}/restore", summary="Restore a backup")
    def restore_vector_tables(body: RestoreBody) -> Response:
        return _perform(jobs, "restore", body)


def _add_backup_routes(app: OpenAPI, engine: Engine, jobs: Jobs) -> None:
    manager = BackupSetManager(engine)

    @app.post(f"{PREFIX}/backup", summary="Back up both tables")
    def backup_vector_tables(body: BackupBody) -> Response:
        return _perform(jobs, "backup", body)

    comparison = BackupComparison(engine)

    @app.post(f"{PREFIX}/compare", summary="Compare a backup with the live tables or another backup")
    def compare_backup(body: CompareBody) -> Response:
        return _answer(comparison.compare(**body.as_arguments()))

    @app.get(f"{PREFIX}/backups/<location>/<timestamp>", summary="Show a backup set")
    def show_backup_set(path: BackupSetPath, query: SetQuery) -> Response:
        return _answer(manager.show(path.location, path.timestamp, query.storage))

    @app.post(f"{PREFIX}/backups/<location>/<timestamp>/verify", summary="Verify every byte of a backup set")
    def verify_backup_set(path: BackupSetPath, query: SetQuery) -> Response:
        return _answer(manager.verify(path.location, path.timestamp, query.storage))

    @app.delete(f"{PREFIX}/backups/<location>/<timestamp>", summary="Delete a backup set")
    def delete_backup_set(path: BackupSetPath, query: SetQuery) -> Response:
        return _answer(manager.delete(path.location, path.timestamp, query.storage))


def _add_transfer_routes(app: OpenAPI, engine: Engine) -> None:
    manager, downloads, uploads = BackupSetManager(engine), Downloads(engine), Uploads(engine)

    @app.post(f"{PREFIX}/backups/<location>/<timestamp>/copy", summary="Copy a backup set to another storage")
    def copy_backup_set(path: BackupSetPath, query: SetQuery, body: CopyBody) -> Response:
        return _answer(manager.copy(path.location, path.timestamp, body.to, query.storage))

    @app.get(f"{PREFIX}/backups/<location>/<timestamp>/download", summary="Download a backup set as a tar")
    def download_backup_set(path: BackupSetPath, query: SetQuery) -> Response:
        place = manager.place(path.location, path.timestamp, query.storage)
        headers = request.headers
        return downloads.open(place, path.timestamp, headers.get("Range"), headers.get("If-Range")).response()

    @app.post(f"{PREFIX}/backups/upload", summary="Upload a backup set: a tar, or files of a form")
    def upload_backup_set(query: UploadQuery) -> Response:
        request.max_content_length = engine.settings.upload_max_bytes
        return _answer(uploads.receive(request.stream, request.content_type, query.task_id, query.storage))


def _add_job_routes(app: OpenAPI, engine: Engine, jobs: Jobs) -> None:
    streams = EventStreams(jobs, max(1, engine.settings.threads // 2), lambda job: job_schemas.describe(job, PREFIX))

    @app.get(f"{PREFIX}/jobs", summary="List the jobs")
    def list_jobs(query: JobsQuery) -> Response:
        found = jobs.list(query.state, query.request_id, query.after, query.limit)
        return _answer(job_schemas.page(found, query.limit, PREFIX))

    @app.get(f"{PREFIX}/jobs/<job_id>", summary="Show a job")
    def show_job(path: JobPath) -> Response:
        return _answer(job_schemas.show(jobs.get(path.job_id), PREFIX))

    @app.post(f"{PREFIX}/jobs/<job_id>/cancel", summary="Cancel a job")
    def cancel_job(path: JobPath) -> Response:
        return _answer(job_schemas.cancelled(jobs.cancel(path.job_id), PREFIX))

    @app.get(f"{PREFIX}/jobs/<job_id>/events", summary="Follow a job: Server-Sent Events")
    def follow_job(path: JobPath) -> Response:
        return streams.open(path.job_id)


def _add_operations_routes(app: OpenAPI, engine: Engine, jobs: Jobs, metrics: Metrics) -> None:
    health = Health(engine, jobs)

    @app.get("/healthz", summary="Is the process alive")
    def healthz() -> Response:
        return jsonify(success_response("服务运行正常"))

    @app.get("/readyz", summary="Can it work: database, storage and job queue")
    def readyz() -> Response:
        return _answer(health.check(everything=g.get("caller") in (FULL, LOCAL)))

    @app.get("/metrics", summary="Metrics for Prometheus")
    def show_metrics() -> Response:
        metrics.queue(None)
        with suppress(ServiceError):
            metrics.queue(jobs.counts())
            metrics.history(jobs.last_successes())
        return Response(metrics.text(), mimetype="text/plain; version=0.0.4")


def _perform(jobs: Jobs, kind: str, body: RestoreBody | BackupBody) -> Response:
    request, origin, key = body.as_request(), web.origin(), web.idempotency_key()
    if not body.as_job:
        return _answer(jobs.perform(kind, request, origin, key))
    job = jobs.submit(kind, request, origin, key)
    response = _answer(job_schemas.submitted(job, PREFIX), 202)
    response.headers["Location"] = job_schemas.links(job, PREFIX)["self"]
    return response


def _answer(result: dict[str, Any], status: int = 200) -> Response:
    response = jsonify(success_response(result.pop("response"), result, status))
    response.status_code = status
    return response


def _sweep(engine: Engine, storage: str) -> None:
    try:
        for path in engine.catalog.sweep(storage):
            log.warning("removed what an interrupted backup left behind", path=path)
    except ServiceError as error:  # it may come back, and the others are there
        log.warning("a storage can't be looked through", storage=storage, error=error.error_type)


def _settings() -> Settings:
    """What every command begins with: memory, logs, clean exits, the configuration."""
    memory.share_arenas()
    logs.set_up()
    ending.exit_cleanly()
    settings = Settings.load()
    forget_libpq_variables()
    return settings


def serve() -> None:
    """Serve until SIGTERM or Ctrl-C, on HOST and PORT."""
    settings = _settings()
    engine = Engine.build(settings)
    target = engine.databases.start()
    app = create_app(engine=engine)
    server = listen(app, settings)
    log.info("database", **target.public())
    for storage in engine.storages:
        _sweep(engine, storage)
    for host, port in addresses(server):
        log.info("serving", url=f"http://{host}:{port}")
    jobs: Jobs = app.extensions["jobs"]
    ending.exit_cleanly(jobs.stop)
    jobs.start()
    try:
        server.run()
    finally:
        ending.close(jobs, engine)


def work() -> None:
    """Run jobs until SIGTERM or Ctrl-C, without serving anybody."""
    engine = Engine.build(_settings())
    jobs = build_jobs(engine, Metrics())
    ending.exit_cleanly(jobs.stop)
    jobs.start()
    try:
        threading.Event().wait()
    finally:
        ending.close(jobs, engine)


def main(asked: str) -> None:
    """Run the service, or only its worker, until somebody stops it."""
    try:
        {"serve": serve, "worker": work}[asked]()
    except (SettingsError, EmbeddedServerError, OSError) as error:
        sys.exit(f"unified_api: {error}")


if __name__ == "__main__":
    main(ASKED)
