"""The service's configuration: one frozen value, read once and handed down."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from common import cron
from common.cron import Schedule
from data_pipeline import (
    config_file,
    dump_settings,
    packing_settings,
    redis_settings,
    table_section,
    targets,
)
from data_pipeline.config import SCHEMA_TOOLS_CONFIG
from data_pipeline.configuration import place_settings
from data_pipeline.configuration.place_settings import PlaceSettings
from data_pipeline.configuration.stacks import StackSettings
from data_pipeline.data_home import home
from data_pipeline.formats.csv_reader import LARGEST_FIELD
from data_pipeline.import_settings import read as read_import_urls
from data_pipeline.postgres import target
from data_pipeline.postgres.link.wire import Timeouts
from data_pipeline.postgres.target import Target
from data_pipeline.proxy_settings import Network
from data_pipeline.proxy_settings import read as read_proxies
from data_pipeline.storage.registry import Place
from data_pipeline.stores.milvus.settings import MilvusSettings
from data_pipeline.stores.milvus.settings import read as read_milvus
from data_pipeline.stores.target import StoreTarget
from data_pipeline.table_section import TableSection

SHORTEST_TOKEN = 16
SHORTEST_KEY = 32
Part = TypeVar("Part")


class SettingsError(Exception):
    """A setting has a value that can't be used; the text is one clear line."""


@dataclass(frozen=True)
class Settings:
    """Everything that can be configured. Durations are in seconds, sizes in bytes."""

    host: str
    port: int
    threads: int
    places: PlaceSettings
    embedded_data_dir: Path
    dumps: dump_settings.DumpSettings
    drill_directory: Path
    """Where drills make their PostgreSQL, and remove it."""
    redis: redis_settings.RedisSettings
    milvus: MilvusSettings
    configured: Target | None
    """The database of the configuration; None means the embedded one."""
    database_named: bool
    """Whether the configuration names a database, be it the embedded one."""
    schema: str
    """Of the tables, where a target names no other."""
    ssl_root_cert: str | None
    """A file of certificates by which servers' own are checked, where a target has no other."""
    allowed_hosts: frozenset[str]
    """Hosts a request's pg_conn may name beside loopback."""
    targets: Mapping[str, Target]
    """Databases a request may name instead of giving a pg_conn with a password."""
    store_targets: Mapping[str, StoreTarget]
    """Other stores that requests name."""
    stacks: StackSettings
    timeouts: Timeouts
    max_body_bytes: int
    upload_max_bytes: int
    """Of a backup set that is uploaded."""
    max_writers: int
    """Backups, restores and deletions at a time; one more is answered 503."""
    api_token: str | None = field(repr=False)
    api_read_token: str | None = field(repr=False)
    operator_targets: frozenset[str]
    trusted_proxies: tuple[Network, ...]
    """Whose X-Forwarded-For is believed."""
    http_hosts: frozenset[str]
    """Names a Host header may have beside loopback's own."""
    cors_origins: frozenset[str]
    packing: packing_settings.PackingSettings
    backup_connections: int
    """Connections that read a large table at a time in a backup; all see the same snapshot."""
    load_workers: int
    """Processes that parse large files; 0 parses them in the service's own."""
    load_connections: int
    """Connections that load a large table at a time in a swap; 0 takes one a core, at most 4."""
    largest_field: int
    """Of one value of a row: a larger one is neither backed up nor restored."""
    index_memory: str | None
    """maintenance_work_mem while indexes are rebuilt; None means the server's own setting."""
    jobs_database: Target | None
    """Where the job queue lives; None means the embedded server."""
    jobs_keep_days: int
    audit_keep_days: int
    jobs_heartbeat: int
    """Seconds between two signs of life of a process that has jobs; four missed ones are its end."""
    secret_keys: tuple[str, ...] = field(repr=False)
    """What secrets of resources are encrypted with: the first seals, each opens what it has sealed."""
    secret_key_file: Path | None
    """Where a key is made if none is given; None where the jobs database has readers that this file doesn't reach."""
    storage_hosts: frozenset[str]
    """Hosts of buckets that a storage made through the API may name beside loopback."""
    notify_hosts: frozenset[str]
    """Hosts of this machine's network that notifications may go to."""
    import_urls: tuple[str, ...]
    backup_schedule: Schedule | None
    backup_keep_days: int
    backup_keep_last: int
    backup_directory: str
    timestamp_format: str
    supported_tables: tuple[str, ...]

    @property
    def output_directory(self) -> Place:
        return self.places.output_directory

    @property
    def storages(self) -> Mapping[str, Place]:
        """Where else backups may be kept, by the names requests give these places."""
        return self.places.storages

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read an environment over the two configuration modules. Raises SettingsError.

        None means that of the process, over its configuration file.
        """
        env = _environment(cls.load) if environ is None else environ
        databases = _part(targets.read, env)
        section = _section()
        settings = cls(
            host=env.get("HOST") or "127.0.0.1",
            port=_number(env, "PORT", 8084, least=0, most=65535),
            threads=_number(env, "THREADS", 32, least=1, most=1024),
            places=_part(place_settings.read, env),
            embedded_data_dir=_directory(env, "EMBEDDED_DATA_DIR", home(env) / ".local" / "pgdata"),
            dumps=_part(dump_settings.read, env),
            drill_directory=_directory(env, "DRILL_DIRECTORY", home(env) / ".local" / "drills"),
            redis=_part(redis_settings.read, env),
            milvus=_part(read_milvus, env),
            configured=databases.configured,
            database_named=databases.named,
            schema=databases.defaults.schema,
            ssl_root_cert=databases.defaults.ssl_root_cert,
            allowed_hosts=_names(env, "PG_CONN_ALLOWED_HOSTS") | databases.hosts,
            targets=databases.targets,
            store_targets=databases.stores,
            stacks=databases.stacks,
            timeouts=_timeouts(env),
            max_body_bytes=_number(env, "MAX_BODY_BYTES", 1 << 20, least=1024, most=1 << 30),
            upload_max_bytes=_number(env, "UPLOAD_MAX_BYTES", 500_000_000, least=1024, most=1 << 40),
            max_writers=_number(env, "MAX_WRITERS", 8, least=1, most=256),
            api_token=_token(env, "API_TOKEN"),
            api_read_token=_token(env, "API_READ_TOKEN"),
            operator_targets=databases.for_operators,
            trusted_proxies=_part(read_proxies, env),
            http_hosts=_names(env, "ALLOWED_HOSTS"),
            cors_origins=_names(env, "CORS_ORIGINS"),
            packing=_part(packing_settings.read, env),
            backup_connections=_number(env, "BACKUP_CONNECTIONS", 2, least=1, most=16),
            load_workers=_number(env, "LOAD_WORKERS", min(os.cpu_count() or 1, 4), least=0, most=64),
            load_connections=_number(env, "LOAD_CONNECTIONS", 0, least=0, most=16),
            largest_field=_number(env, "LARGEST_FIELD_MB", LARGEST_FIELD >> 20, least=1, most=512) << 20,
            index_memory=_memory(env, "INDEX_MEMORY"),
            jobs_database=databases.jobs,
            jobs_keep_days=_number(env, "JOBS_KEEP_DAYS", 30, least=1, most=36500),
            audit_keep_days=_number(env, "AUDIT_KEEP_DAYS", 365, least=1, most=36500),
            jobs_heartbeat=_number(env, "JOBS_HEARTBEAT_SECONDS", 5, least=1, most=6),
            secret_keys=_secret_keys(env, "SECRET_KEY"),
            secret_key_file=None if databases.jobs else _key_file(env),
            storage_hosts=_names(env, "STORAGE_ALLOWED_HOSTS"),
            notify_hosts=_names(env, "NOTIFY_ALLOWED_HOSTS"),
            import_urls=_part(read_import_urls, env),
            backup_schedule=_schedule(env, "BACKUP_SCHEDULE"),
            backup_keep_days=_number(env, "BACKUP_KEEP_DAYS", 0, least=0, most=36500),
            backup_keep_last=_number(env, "BACKUP_KEEP_LAST", 0, least=0, most=100000),
            backup_directory=section.backup_directory,
            timestamp_format=section.timestamp_format,
            supported_tables=section.supported_tables,
        )
        _expect_closed_doors(settings)
        return settings


def _environment(load: Callable[[Mapping[str, str]], Settings]) -> Mapping[str, str]:
    try:
        return config_file.environment(config_file.names(load))
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _expect_closed_doors(settings: Settings) -> None:
    """Without a token every client that reaches the port may delete: then only this machine may reach it."""
    if not (settings.api_token or target.is_loopback(settings.host)):
        raise SettingsError("HOST is not a loopback address: set API_TOKEN, or let HOST be 127.0.0.1")


def _number(env: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    return _in_range(name, env.get(name) or str(default), least=least, most=most)


def _in_range(name: str, text: str, *, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise SettingsError(f"{name} must be a whole number from {least} to {most}")
    return int(text)


def _timeouts(env: Mapping[str, str]) -> Timeouts:
    day = 86400
    return Timeouts(
        connect=_number(env, "PG_CONNECT_TIMEOUT", 5, least=1, most=3600),
        lock=_number(env, "PG_LOCK_TIMEOUT", 10, least=1, most=day),
        statement=_number(env, "PG_STATEMENT_TIMEOUT", 0, least=0, most=7 * day),
        idle=_number(env, "PG_IDLE_TIMEOUT", 60, least=0, most=day),
        client_check=_number(env, "PG_CLIENT_CHECK_MS", 500, least=0, most=60000),
    )


def _memory(env: Mapping[str, str], name: str) -> str | None:
    text = env.get(name) or None
    if text and not re.fullmatch(r"[1-9][0-9]{0,6}(kB|MB|GB)", text):
        raise SettingsError(f"{name} must be an amount of memory such as 512MB")
    return text


def _schedule(env: Mapping[str, str], name: str) -> Schedule | None:
    try:
        return cron.parse(env[name]) if env.get(name) else None
    except ValueError:
        raise SettingsError(f"{name} must be five fields of cron and a time zone, such as 0 3 * * * UTC") from None


def _secret_keys(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    keys = tuple(key for key in env.get(name, "").split(",") if key)
    if not all(len(key) >= SHORTEST_KEY and key.isascii() and key.isprintable() and " " not in key for key in keys):
        raise SettingsError(f"{name} must be keys of at least {SHORTEST_KEY} ASCII characters, separated by commas")
    return keys


def _key_file(env: Mapping[str, str]) -> Path:
    """Beside the embedded server's data, not in it: a copy of the data is of no use without the key."""
    data = _directory(env, "EMBEDDED_DATA_DIR", home(env) / ".local" / "pgdata")
    return data.with_name(f"{data.name}.secret_key")


def _directory(env: Mapping[str, str], name: str, default: Path) -> Path:
    path = Path(env.get(name) or default)
    return path if path.is_absolute() else Path.cwd() / path


def _part(read: Callable[[Mapping[str, str]], Part], env: Mapping[str, str]) -> Part:
    """What a module of its own reads of the environment."""
    try:
        return read(env)
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _section() -> TableSection:
    try:
        return table_section.read(SCHEMA_TOOLS_CONFIG["vector_table_management"])
    except ValueError as error:
        raise SettingsError(f"SCHEMA_TOOLS_CONFIG, vector_table_management: {error}") from None


def _names(env: Mapping[str, str], name: str) -> frozenset[str]:
    """A list separated by commas."""
    found = (part.strip().lower() for part in env.get(name, "").split(","))
    return frozenset(part for part in found if part)


def _token(env: Mapping[str, str], name: str) -> str | None:
    token = env.get(name) or None
    if token and not (len(token) >= SHORTEST_TOKEN and token.isascii() and token.isprintable() and " " not in token):
        raise SettingsError(f"{name} must be at least {SHORTEST_TOKEN} ASCII characters without spaces")
    return token
