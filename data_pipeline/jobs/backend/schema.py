"""The schema of the job queue: procrastinate's tables, and beside them ours."""

from procrastinate.schema import SchemaManager
from psycopg import Connection
from psycopg.rows import DictRow

SCHEMA = "vector_jobs"
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
SET_CHECKS = """
CREATE TABLE IF NOT EXISTS set_checks ( -- what was found when the whole of a set was last read
    storage text NOT NULL,
    location text NOT NULL,
    timestamp text NOT NULL,
    found text NOT NULL,
    identity text NOT NULL, -- of the set as it was then
    checked_at timestamptz NOT NULL,
    PRIMARY KEY (storage, location, timestamp)
);
"""
# A process of an earlier version may work on the same queue: it leaves a new column to its default.
UPGRADE = """
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS request_version integer NOT NULL DEFAULT 0,
                 ADD COLUMN IF NOT EXISTS texts json
"""
ADDED = {"jobs.request_version", "jobs.texts", "set_checks.found"}

COLUMNS = """
SELECT c.relname || '.' || a.attname AS name FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname IN ('jobs', 'set_checks') AND a.attnum > 0 AND NOT a.attisdropped
"""


def install(connection: Connection[DictRow]) -> None:
    """Make the schema, or complete that of an earlier version, in the transaction of a psycopg connection whose
    search_path is SCHEMA."""
    if _columns(connection) >= ADDED:
        return
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (INSTALL_LOCK,))
    if _columns(connection):
        connection.execute(UPGRADE)
        connection.execute(SET_CHECKS)
    else:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        connection.execute(SchemaManager.get_schema())
        connection.execute(STATEMENTS)
        connection.execute(SET_CHECKS)


def _columns(connection: Connection[DictRow]) -> set[str]:
    """Of our tables, as table.column, by the catalog's rows: to_regclass may answer from what it remembers from before
    the lock was waited for."""
    return {row["name"] for row in connection.execute(COLUMNS, (SCHEMA,)).fetchall()}
