-- The assistant's nine tables.
--
-- messages and audit_logs grow for ever, so each is partitioned by the year of its rows. That makes the time a part of
-- their primary keys: PostgreSQL can keep a key unique within a partition only.

CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email text NOT NULL UNIQUE,
    username text NOT NULL,
    password_hash text NOT NULL,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'deleted')),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    last_login_at timestamptz,
    profile jsonb NOT NULL DEFAULT '{}',
    settings jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE roles (
    name text PRIMARY KEY,
    description text NOT NULL
);

CREATE TABLE user_roles (
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role_name text NOT NULL REFERENCES roles,
    granted_at timestamptz NOT NULL DEFAULT now(),
    granted_by uuid REFERENCES users ON DELETE SET NULL,
    PRIMARY KEY (user_id, role_name)
);

CREATE TABLE sessions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    title text,
    context jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'closed')),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    metadata jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE messages (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('user', 'assistant', 'system')),
    content text NOT NULL,
    content_type text NOT NULL DEFAULT 'text',
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    tokens_used integer CHECK (tokens_used >= 0),
    processing_time_ms integer CHECK (processing_time_ms >= 0),
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);

CREATE TABLE documents (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    title text NOT NULL,
    content text,
    metadata jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'processing' CHECK (status IN ('processing', 'ready', 'failed')),
    file_path text,
    file_size bigint CHECK (file_size >= 0),
    mime_type text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE document_chunks (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    document_id uuid NOT NULL REFERENCES documents ON DELETE CASCADE,
    content text NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}',
    chunk_index integer NOT NULL CHECK (chunk_index >= 0),
    token_count integer CHECK (token_count >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (document_id, chunk_index)
);

CREATE TABLE system_configs (
    config_key text PRIMARY KEY,
    config_value jsonb NOT NULL,
    description text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE audit_logs (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid REFERENCES users ON DELETE SET NULL,
    action text NOT NULL,
    resource_type text NOT NULL,
    resource_id text,
    details jsonb NOT NULL DEFAULT '{}',
    ip_address inet,
    user_agent text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);

CREATE TABLE messages_2024 PARTITION OF messages FOR VALUES FROM ('2024-01-01 UTC') TO ('2025-01-01 UTC');
CREATE TABLE messages_2025 PARTITION OF messages FOR VALUES FROM ('2025-01-01 UTC') TO ('2026-01-01 UTC');
CREATE TABLE messages_other PARTITION OF messages DEFAULT;
CREATE TABLE audit_logs_2024 PARTITION OF audit_logs FOR VALUES FROM ('2024-01-01 UTC') TO ('2025-01-01 UTC');
CREATE TABLE audit_logs_2025 PARTITION OF audit_logs FOR VALUES FROM ('2025-01-01 UTC') TO ('2026-01-01 UTC');
CREATE TABLE audit_logs_other PARTITION OF audit_logs DEFAULT;

CREATE INDEX ON user_roles (role_name);
CREATE INDEX ON sessions (user_id, created_at);
CREATE INDEX ON messages (session_id, created_at);
CREATE INDEX ON documents (user_id);
CREATE INDEX ON documents (status) WHERE status <> 'ready';
CREATE INDEX ON audit_logs (user_id, created_at);
CREATE INDEX ON audit_logs (created_at);
