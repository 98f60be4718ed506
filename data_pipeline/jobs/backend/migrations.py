"""What later versions add to the schema of the jobs database, in order. Each is run once, forward only.

A migration that has been released never changes. It may only add: processes of the version before go on working on the
same database until they are started again.
"""

RESOURCES = """
CREATE TABLE resources (
    kind text NOT NULL,      -- target, storage, schedule, notifier …
    name text NOT NULL,
    config json NOT NULL,    -- what of it may be shown
    sealed text,             -- its secrets, encrypted; null where it has none
    key_id text,             -- of the key they are encrypted with
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, name)
);
CREATE TABLE schedule_times (
    schedule text PRIMARY KEY, -- what names the schedule here: its name, or for that of the environment more
    stated text NOT NULL,      -- its times, as they were given
    since timestamptz NOT NULL -- earlier ones don't count
);
CREATE TABLE schedule_runs (
    schedule text NOT NULL,
    due timestamptz NOT NULL,
    manual boolean NOT NULL DEFAULT false, -- asked for by a client, not by the clock
    job_id text UNIQUE,
    state text NOT NULL,     -- PENDING until its job has ended, then as that
    result json,             -- as of the job, which is forgotten earlier
    error json,
    texts json,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    retired_at timestamptz,  -- when retention had removed its set everywhere
    PRIMARY KEY (schedule, due)
);
CREATE INDEX schedule_runs_unfinished ON schedule_runs (job_id) WHERE finished_at IS NULL;
CREATE INDEX schedule_runs_state ON schedule_runs (schedule, state, due);
CREATE TABLE proofs (        -- what restoring a set for a trial has shown
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    backup_path text NOT NULL,
    "timestamp" text NOT NULL,
    schedule text,           -- that has made the set, if one has
    job_id text,
    proven boolean NOT NULL,
    report json NOT NULL,
    proven_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX proofs_set ON proofs (backup_path, "timestamp");
CREATE INDEX proofs_schedule ON proofs (schedule, proven_at);
"""

NOTIFICATIONS = """
CREATE TABLE troubles (      -- what a notifier was told, or would have been if it wanted to
    notifier text NOT NULL,
    subject text NOT NULL,   -- a schedule, or its drills
    event text NOT NULL,
    cause text NOT NULL,     -- the error's type
    told_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (notifier, subject, event)
);
CREATE TABLE outbox (
    id text PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY,
    notifier text NOT NULL,
    message json NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    next_at timestamptz NOT NULL DEFAULT now(), -- of the next attempt
    attempts integer NOT NULL DEFAULT 0,
    sent_at timestamptz,
    failed_at timestamptz,   -- when it was given up
    error json,              -- of the last attempt
    texts json
);
CREATE INDEX outbox_waiting ON outbox (next_at) WHERE sent_at IS NULL AND failed_at IS NULL;
CREATE INDEX outbox_newest ON outbox (number);
"""


SET_CHECKS = """
CREATE TABLE set_checks (    -- what was found when the whole of a set was last read
    storage text NOT NULL,
    location text NOT NULL,
    "timestamp" text NOT NULL,
    found text NOT NULL,
    identity text NOT NULL,  -- of the set as it was then
    checked_at timestamptz NOT NULL,
    PRIMARY KEY (storage, location, "timestamp")
);
"""

KNOWN_ARCHIVES = """
CREATE TABLE known_archives ( -- dumps of whole databases that were made here
    sha256 text PRIMARY KEY,
    made_at timestamptz NOT NULL DEFAULT now()
);
"""

ACCOUNTS = """
CREATE TABLE users (
    name text PRIMARY KEY,
    role text NOT NULL,
    password text NOT NULL,  -- argon2id
    disabled boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    password_at timestamptz NOT NULL DEFAULT now(),
    signed_in_at timestamptz
);
CREATE TABLE user_sessions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_name text NOT NULL REFERENCES users ON DELETE CASCADE,
    digest bytea NOT NULL UNIQUE, -- SHA-256 of the cookie
    previous bytea UNIQUE,        -- of the one before the last exchange
    csrf text NOT NULL,
    client text,
    created_at timestamptz NOT NULL DEFAULT now(),
    rotated_at timestamptz NOT NULL DEFAULT now(),
    confirmed_at timestamptz DEFAULT now(), -- when the client first sent the new one; null until then
    expires_at timestamptz NOT NULL
);
CREATE INDEX user_sessions_user ON user_sessions (user_name);
CREATE TABLE user_tokens (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_name text NOT NULL REFERENCES users ON DELETE CASCADE,
    name text NOT NULL,
    digest bytea NOT NULL UNIQUE, -- SHA-256 of the token
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz,
    expires_at timestamptz,
    UNIQUE (user_name, name)
);
CREATE TABLE sign_in_attempts (
    subject text PRIMARY KEY, -- SHA-256 of an account or an address
    failures integer NOT NULL DEFAULT 1,
    since timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE first_links (
    digest bytea PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
CREATE TABLE audit_log (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    who text NOT NULL,
    client text,
    what text NOT NULL,      -- a route's operation, or a job's kind
    set_name text,           -- the backup set that it was about
    target text,             -- the database
    outcome text NOT NULL,
    status integer,          -- of an answer
    request_id text NOT NULL,
    job_id text,
    details json NOT NULL
);
CREATE INDEX audit_log_at ON audit_log (at);
CREATE INDEX audit_log_who ON audit_log (who, number);
"""

INTENTS = """
CREATE TABLE intents (       -- what a restore of another store is about to do, so that a crash leaves nothing half done
    id text PRIMARY KEY,
    digest text NOT NULL,    -- of the server and its database
    collection text NOT NULL,
    process text NOT NULL,   -- that does it
    facts json NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (digest, collection)
);
"""

MIGRATIONS = (RESOURCES, NOTIFICATIONS, SET_CHECKS, KNOWN_ARCHIVES, ACCOUNTS, INTENTS)
