"""The schema of the jobs database: procrastinate's tables, ours of jobs, and what the migrations add to them."""

from procrastinate.schema import SchemaManager
from psycopg import Connection
from psycopg.rows import DictRow

from data_pipeline.jobs.backend.migrations import MIGRATIONS
from data_pipeline.postgres.discovery.queries import QUEUE_SCHEMA

SCHEMA = QUEUE_SCHEMA
INSTALL_LOCK = 0x7665635F6A6F6273
"""Key of the advisory lock that lets one process at a time make the schema ("vec_jobs")."""

STATEMENTS = """
CREATE TABLE jobs (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    kind text NOT NULL,
    state text NOT NULL,
    sync boolean NOT NULL,
    request json NOT NULL,
    request_version integer NOT NULL DEFAULT 0, -- of the form the request has; 0 where the version had none
    target json,
    request_id text NOT NULL,
    who text NOT NULL,
    client text,
    idempotency_key text UNIQUE,
    fingerprint text NOT NULL,
    owner text,      -- the process that alone knows the password, and so has to run it
    worker text,     -- the process that runs it
    queue_id bigint, -- procrastinate's number for it
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    progress json,
    result json,
    error json,
    texts json,      -- where in result and error our texts stand, and their codes: to show them in another language
    version bigint NOT NULL DEFAULT 1
);
CREATE INDEX jobs_request_id ON jobs (request_id);
CREATE INDEX jobs_unfinished ON jobs (state) WHERE finished_at IS NULL;
CREATE INDEX jobs_finished_at ON jobs (finished_at);
CREATE TABLE processes (
    id text PRIMARY KEY,
    beat_at timestamptz NOT NULL DEFAULT now()
);
"""
# What versions without migrations may lack. A process of one may work on the same queue: it leaves a new column to its
# default.
UPGRADE = """
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS request_version integer NOT NULL DEFAULT 0,
                 ADD COLUMN IF NOT EXISTS texts json
"""
PRESENT = """
SELECT c.relname AS name FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind = 'r' AND c.relname IN ('jobs', 'schema_version')
"""


class NewerSchemaError(Exception):
    """A later version of the service has changed the schema: what its tables mean is unknown here."""


def install(connection: Connection[DictRow]) -> None:
    """Make the schema, or bring that of an earlier version up to date, in the transaction of a psycopg connection whose
    search_path is SCHEMA. Raises NewerSchemaError."""
    if _version(connection) == len(MIGRATIONS):
        return
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (INSTALL_LOCK,))
    version = _version(connection)
    if version > len(MIGRATIONS):
        raise NewerSchemaError
    if version == 0:
        _begin(connection)
    for migration in MIGRATIONS[version:]:
        connection.execute(migration)
    connection.execute("UPDATE schema_version SET version = %s", (len(MIGRATIONS),))


def _begin(connection: Connection[DictRow]) -> None:
    """The tables of jobs, and the one that says how many migrations there have been."""
    if "jobs" in _tables(connection):
        connection.execute(UPGRADE)
    else:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        connection.execute(SchemaManager.get_schema())
        connection.execute(STATEMENTS)
    connection.execute("CREATE TABLE schema_version (version integer NOT NULL)")
    connection.execute("INSERT INTO schema_version VALUES (0)")


def _version(connection: Connection[DictRow]) -> int:
    """How many migrations there have been; 0 for a database of a version that knew none."""
    if "schema_version" not in _tables(connection):
        return 0
    row = connection.execute("SELECT version FROM schema_version").fetchone()
    return int(row["version"]) if row else 0


def _tables(connection: Connection[DictRow]) -> set[str]:
    """Ours, by the catalog's rows: to_regclass may answer from what it remembers from before the lock was waited
    for."""
    return {row["name"] for row in connection.execute(PRESENT, (SCHEMA,)).fetchall()}
