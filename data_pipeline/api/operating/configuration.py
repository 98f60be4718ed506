"""The configuration as answers may show it: no secret, no path of this machine."""

from collections.abc import Sized
from contextlib import suppress
from typing import Any

from common.errors import DatabaseError
from common.messages import say
from data_pipeline.api.answers.operating import ShownSettings
from data_pipeline.engine import Engine
from data_pipeline.operations.results import result as results
from data_pipeline.operations.target import AnyTarget
from data_pipeline.postgres.target import Target
from data_pipeline.settings import Settings
from data_pipeline.storage.registry import kind_of
from data_pipeline.targets import EMBEDDED
from data_pipeline.version import VERSION


def describe(engine: Engine) -> ShownSettings:
    """Settings by their names, the database, and what requests may name."""
    settings = engine.settings
    named: dict[str, AnyTarget] = {**settings.targets, **settings.store_targets}
    return ShownSettings(
        response=say("settings_shown"),
        version=VERSION,
        database=_database(engine),
        targets={name: results.shown_target(target.public()) for name, target in named.items()},
        storages=list(engine.storages),
        settings=values(settings),
    )


def values(settings: Settings) -> dict[str, Any]:
    """The settings by the names of their variables; of a secret, that it is set."""
    return {**_access(settings), **_backups(settings), **_databases(settings), **_work(settings)}


def _database(engine: Engine) -> results.Target | None:
    """That of requests that name none; None if the embedded server doesn't start."""
    with suppress(DatabaseError):
        return results.Target.of(engine.databases.resolve())
    return None


def _access(settings: Settings) -> dict[str, Any]:
    return {
        "HOST": settings.host,
        "PORT": settings.port,
        "THREADS": settings.threads,
        "API_TOKEN": _is_set(settings.api_token),
        "API_READ_TOKEN": _is_set(settings.api_read_token),
        "OPERATOR_TARGETS": sorted(settings.operator_targets),
        "SECRET_KEY": _is_set(",".join(settings.secret_keys)),
        "ALLOWED_HOSTS": sorted(settings.http_hosts),
        "TRUSTED_PROXIES": [str(network) for network in settings.trusted_proxies],
        "CORS_ORIGINS": sorted(settings.cors_origins),
        "MAX_WRITERS": settings.max_writers,
        "MAX_BODY_BYTES": settings.max_body_bytes,
        "UPLOAD_MAX_BYTES": settings.upload_max_bytes,
    }


def _backups(settings: Settings) -> dict[str, Any]:
    schedule = settings.backup_schedule
    return {
        "OUTPUT_DIRECTORY": kind_of(settings.output_directory),
        "STORAGE_ALLOWED_HOSTS": sorted(settings.storage_hosts),
        "STORAGES": {name: kind_of(place) for name, place in settings.storages.items()},
        "BACKUP_SCHEDULE": str(schedule) if schedule else None,
        "BACKUP_KEEP_DAYS": settings.backup_keep_days,
        "BACKUP_KEEP_LAST": settings.backup_keep_last,
        "BACKUP_ENCRYPTION_KEY": _is_set(settings.packing.keyring.keys),
        "BACKUP_ENCRYPTION_PASSPHRASE": _is_set(settings.packing.keyring.passphrases),
        "COMPRESSION_LEVEL": settings.packing.compression_level,
        "BACKUP_CONNECTIONS": settings.backup_connections,
    }


def _databases(settings: Settings) -> dict[str, Any]:
    timeouts = settings.timeouts
    return {
        "DATABASE_URL": _public(settings.configured) or (EMBEDDED if settings.database_named else None),
        "EMBEDDED_DATA_DIR": kind_of(settings.embedded_data_dir),
        "PG_BIN": "directory" if settings.dumps.programs else None,
        "LOG_TABLES": list(settings.dumps.log_tables),
        "MIGRATION_COMMAND": "set" if settings.dumps.migration else None,
        "DRILL_DIRECTORY": kind_of(settings.drill_directory),
        "REDIS_SERVER_BIN": "file" if settings.redis.program else None,
        "REDIS_PAUSE_SECONDS": settings.redis.pause_seconds,
        "PGVECTOR_SCHEMA": settings.schema,
        "PG_SSL_ROOT_CERT": "file" if settings.ssl_root_cert else None,
        "TARGETS": [*settings.targets, *settings.store_targets],
        "STACKS": {name: dict(members) for name, members in settings.stacks.named.items()},
        "STACK_KEEP_DAYS": settings.stacks.keep_days,
        "PG_CONN_ALLOWED_HOSTS": sorted(settings.allowed_hosts),
        "PG_CONNECT_TIMEOUT": timeouts.connect,
        "PG_LOCK_TIMEOUT": timeouts.lock,
        "PG_STATEMENT_TIMEOUT": timeouts.statement,
        "PG_IDLE_TIMEOUT": timeouts.idle,
        "PG_CLIENT_CHECK_MS": timeouts.client_check,
    }


def _work(settings: Settings) -> dict[str, Any]:
    return {
        "LOAD_WORKERS": settings.load_workers,
        "LOAD_CONNECTIONS": settings.load_connections,
        "LARGEST_FIELD_MB": settings.largest_field >> 20,
        "INDEX_MEMORY": settings.index_memory,
        "MILVUS_TARGET": settings.milvus.target,
        "MILVUS_UNTRIED_TYPES": settings.milvus.untried_types,
        "JOBS_DATABASE_URL": _public(settings.jobs_database),
        "NOTIFY_ALLOWED_HOSTS": sorted(settings.notify_hosts),
        "IMPORT_ALLOWED_URLS": list(settings.import_urls),
        "JOBS_KEEP_DAYS": settings.jobs_keep_days,
        "AUDIT_KEEP_DAYS": settings.audit_keep_days,
        "JOBS_HEARTBEAT_SECONDS": settings.jobs_heartbeat,
    }


def _is_set(secret: Sized | None) -> str | None:
    return "set" if secret else None


def _public(target: Target | None) -> dict[str, Any] | None:
    return target.public() if target else None
