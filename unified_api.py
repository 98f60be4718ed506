"""The backup and restore service for LangChain's pgvector tables.

`python unified_api.py` serves; `python unified_api.py --help` lists what it does on the command line.
"""

import sys

if __name__ == "__main__":  # before all that only a server needs: the other commands begin in half the time
    from data_pipeline.cli import command_line

    ASKED = command_line.run()

import os
import threading
from collections.abc import Sequence
from contextlib import suppress

import structlog

from common import memory, scratch_directory
from common.errors import ServiceError
from data_pipeline import targets
from data_pipeline.accounts.first_admin import FirstAdmin
from data_pipeline.admin import panel
from data_pipeline.api import ending, web
from data_pipeline.api.database_streams import DatabaseStreams
from data_pipeline.api.download import Downloads
from data_pipeline.api.openapi import explorer
from data_pipeline.api.openapi.description import DescribedAPI
from data_pipeline.api.operating import logs
from data_pipeline.api.operating.audit import AuditLog, write_down_job
from data_pipeline.api.operating.metrics import Metrics
from data_pipeline.api.routes import (
    backup_sets,
    backups,
    bulk,
    database,
    drills,
    notifications,
    reference_data,
    resources,
    restores,
    service,
    tables,
    transfers,
)
from data_pipeline.api.routes import jobs as job_routes
from data_pipeline.api.routes.people import account, sessions, users
from data_pipeline.api.routes.stores import databases, milvus, milvus_backup_api, neo4j, objects, redis, stacks
from data_pipeline.api.security.access import AccessRules
from data_pipeline.api.security.identity import Identity
from data_pipeline.api.security.sign_in import SignIn
from data_pipeline.api.security.throttle import Throttle
from data_pipeline.api.server import addresses, listen
from data_pipeline.engine import Engine
from data_pipeline.jobs.job import Job
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.jobs.retirement import Retirement
from data_pipeline.operations import registry
from data_pipeline.operations.database import locks
from data_pipeline.operations.retention import Retention
from data_pipeline.operations.stacks.stack_manager import StackManager
from data_pipeline.operations.stacks.stack_retention import StackRetention
from data_pipeline.postgres.swapping import leftovers
from data_pipeline.postgres.target import Target, forget_libpq_variables, is_loopback
from data_pipeline.postgres_server.cluster import EmbeddedServerError
from data_pipeline.resources.store import Resources
from data_pipeline.settings import Settings, SettingsError

log = structlog.get_logger("unified_api")


def create_app(settings: Settings | None = None, engine: Engine | None = None) -> DescribedAPI:
    """The WSGI application. Nothing connects or starts before the first request that needs it.

    Its jobs are app.extensions["jobs"], to be closed by whoever closes the engine.
    """
    engine = engine or Engine.build(settings or Settings.load())
    settings = engine.settings
    app = DescribedAPI(__name__)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    metrics = Metrics()
    jobs = app.extensions["jobs"] = build_jobs(engine, metrics)
    audit = AuditLog(metrics, jobs.audit, settings.trusted_proxies)
    audit.set_up(app)  # first, so that a request refused after it has an id and a record too
    throttle = Throttle(places=settings.threads // 8)
    identity = app.extensions["identity"] = Identity(settings, jobs.accounts, throttle)
    AccessRules(settings, identity).set_up(app)
    web.set_up(app)
    explorer.set_up(app)
    app.add(restores.routes(engine, jobs))
    app.add(backups.routes(engine, jobs))
    downloads = Downloads(engine)
    app.add(backup_sets.routes(engine, jobs))
    app.add(bulk.routes(engine, jobs, downloads))
    app.add(drills.routes(jobs))
    app.add(milvus.routes(engine, jobs))
    app.add(milvus_backup_api.routes(engine, jobs))
    app.add(transfers.routes(engine, downloads))
    streams = DatabaseStreams(engine, jobs)
    app.add(database.routes(engine, streams))
    app.add(databases.routes(jobs, streams))
    app.add(tables.routes(engine))
    app.add(reference_data.routes(engine))
    app.add(redis.routes(engine, jobs))
    app.add(neo4j.routes(engine, jobs))
    app.add(objects.routes(jobs))
    app.add(stacks.routes(engine, jobs))
    app.add(job_routes.routes(engine, jobs))
    app.add(resources.routes(engine, jobs))
    app.add(notifications.routes(jobs))
    app.add(service.routes(engine, jobs, metrics))
    sign_in = SignIn(identity, throttle)
    app.add(sessions.routes(sign_in))
    app.add(users.routes(identity, sign_in, jobs.audit))
    app.add(account.routes(jobs.accounts, sign_in))
    app.register_blueprint(panel.pages())
    return app


def build_jobs(engine: Engine, metrics: Metrics) -> Jobs:
    """The jobs of a service or a worker; nothing starts yet."""
    settings = engine.settings

    def finished(job: Job) -> None:
        if not job.told_with_its_answer:
            metrics.job(job)
            write_down_job(job)

    resources = Resources(engine)
    retention = Retention(engine, settings.backup_keep_days, settings.backup_keep_last)
    operations = registry.of(engine)
    of_stacks = StackRetention(engine, StackManager(engine, operations))
    retirement = Retirement(resources, of_stacks, retention)
    return Jobs(engine, resources, operations, finished, retirement.retire, scheduled=True)


def _sweep(engine: Engine, storage: str) -> None:
    try:
        for path in engine.catalog.sweep(storage):
            log.warning("removed what an interrupted backup left behind", path=path)
    except ServiceError as error:  # it may come back, and the others are there
        log.warning("a storage can't be looked through", storage=storage, error=error.error_type)


def _begin_sweeping(engine: Engine) -> None:
    """In a thread of its own: a database that is out of reach must not hold up the start."""
    threading.Thread(target=_sweep_databases, args=(engine, engine.databases.known), name="sweep", daemon=True).start()


def _sweep_databases(engine: Engine, known: Sequence[Target]) -> None:
    """No server is started here, where the process may be about to stop it."""
    for target in known:
        with suppress(ServiceError):  # out of reach, or a writer is at work, which has done it then
            if tables := leftovers.sweep(target, engine.timeouts):
                log.warning("removed the new tables of an interrupted restore", tables=tables, **target.public())
            locks.sweep(target, engine.timeouts)
        engine.unfinished.remove(target, engine.timeouts, target.dbname)


def _sweep_drills(engine: Engine) -> None:
    try:
        for name in scratch_directory.sweep(engine.settings.drill_directory):
            log.warning("removed the scratch server of a process that was killed", name=name)
    except OSError as error:
        log.warning("the directory of drills can't be looked through", kind=type(error).__name__)


def _settings() -> Settings:
    """What every command begins with: memory, logs, clean exits, the configuration."""
    memory.share_arenas()
    logs.set_up()
    ending.exit_cleanly()
    settings = Settings.load()
    _expect_database(settings)
    forget_libpq_variables()
    return settings


def _expect_database(settings: Settings) -> None:
    """Warn where no database is named. Raises SettingsError if backups of nothing would be made by schedule."""
    if settings.database_named:
        return
    advice = targets.unnamed(os.environ)
    if settings.backup_schedule:
        raise SettingsError(f"BACKUP_SCHEDULE needs a database: {advice}")
    log.warning("no database is configured, so the embedded one is used", advice=advice)


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
    _begin_sweeping(engine)
    _sweep_drills(engine)
    for host, port in addresses(server):
        log.info("serving", url=f"http://{host}:{port}")
    log.info("the panel is there", url=panel.url(*addresses(server)[0]))
    jobs: Jobs = app.extensions["jobs"]
    if not is_loopback(settings.host):
        first = FirstAdmin(jobs.accounts, panel.url(*addresses(server)[0]))
        threading.Thread(target=first.offer, name="first admin", daemon=True).start()
    ending.exit_cleanly(jobs.stop)
    jobs.start()
    try:
        server.run()
    finally:
        ending.close(jobs, engine)


def work() -> None:
    """Run jobs until SIGTERM or Ctrl-C, without serving anybody."""
    engine = Engine.build(_settings())
    _sweep_drills(engine)
    if engine.settings.database_named:
        _begin_sweeping(engine)
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
