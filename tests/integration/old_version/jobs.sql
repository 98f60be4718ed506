SET check_function_bodies = false;
CREATE SCHEMA vector_jobs;
CREATE TYPE vector_jobs.procrastinate_job_event_type AS ENUM (
    'deferred',
    'started',
    'deferred_for_retry',
    'failed',
    'succeeded',
    'cancelled',
    'abort_requested',
    'aborted',
    'scheduled',
    'retried'
);
CREATE TYPE vector_jobs.procrastinate_job_status AS ENUM (
    'todo',
    'doing',
    'succeeded',
    'failed',
    'cancelled',
    'aborting',
    'aborted'
);
CREATE TYPE vector_jobs.procrastinate_job_to_defer_v1 AS (
	queue_name character varying,
	task_name character varying,
	priority integer,
	lock text,
	queueing_lock text,
	args jsonb,
	scheduled_at timestamp with time zone
);
CREATE FUNCTION vector_jobs.procrastinate_cancel_job_v1(job_id bigint, abort boolean, delete_job boolean) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status = 'todo'
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        IF abort THEN
            UPDATE procrastinate_jobs
            SET abort_requested = true,
                status = CASE status
                    WHEN 'todo' THEN 'cancelled'::procrastinate_job_status ELSE status
                END
            WHERE id = job_id AND status IN ('todo', 'doing')
            RETURNING id INTO _job_id;
        ELSE
            UPDATE procrastinate_jobs
            SET status = 'cancelled'::procrastinate_job_status
            WHERE id = job_id AND status = 'todo'
            RETURNING id INTO _job_id;
        END IF;
    END IF;
    RETURN _job_id;
END;
$$;
CREATE FUNCTION vector_jobs.procrastinate_defer_jobs_v1(jobs vector_jobs.procrastinate_job_to_defer_v1[]) RETURNS bigint[]
    LANGUAGE plpgsql
    AS $$
DECLARE
    job_ids bigint[];
BEGIN
    WITH inserted_jobs AS (
        INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
        SELECT (job).queue_name,
               (job).task_name,
               (job).priority,
               (job).lock,
               (job).queueing_lock,
               (job).args,
               (job).scheduled_at
        FROM unnest(jobs) AS job
        RETURNING id
    )
    SELECT array_agg(id) FROM inserted_jobs INTO job_ids;
    RETURN job_ids;
END;
$$;
CREATE FUNCTION vector_jobs.procrastinate_defer_periodic_job_v2(_queue_name character varying, _lock character varying, _queueing_lock character varying, _task_name character varying, _priority integer, _periodic_id character varying, _defer_timestamp bigint, _args jsonb) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
	_job_id bigint;
	_defer_id bigint;
BEGIN
    INSERT
        INTO procrastinate_periodic_defers (task_name, periodic_id, defer_timestamp)
        VALUES (_task_name, _periodic_id, _defer_timestamp)
        ON CONFLICT DO NOTHING
        RETURNING id into _defer_id;
    IF _defer_id IS NULL THEN
        RETURN NULL;
    END IF;
    UPDATE procrastinate_periodic_defers
        SET job_id = (
            SELECT COALESCE((
                SELECT unnest(procrastinate_defer_jobs_v1(
                    ARRAY[
                        ROW(
                            _queue_name,
                            _task_name,
                            _priority,
                            _lock,
                            _queueing_lock,
                            _args,
                            NULL::timestamptz
                        )
                    ]::procrastinate_job_to_defer_v1[]
                ))
            ), NULL)
        )
        WHERE id = _defer_id
        RETURNING job_id INTO _job_id;
    DELETE
        FROM procrastinate_periodic_defers
        USING (
            SELECT id
            FROM procrastinate_periodic_defers
            WHERE procrastinate_periodic_defers.task_name = _task_name
            AND procrastinate_periodic_defers.periodic_id = _periodic_id
            AND procrastinate_periodic_defers.defer_timestamp < _defer_timestamp
            ORDER BY id
            FOR UPDATE
        ) to_delete
        WHERE procrastinate_periodic_defers.id = to_delete.id;
    RETURN _job_id;
END;
$$;
CREATE TABLE vector_jobs.procrastinate_jobs (
    id bigint NOT NULL,
    queue_name character varying(128) NOT NULL,
    task_name character varying(128) NOT NULL,
    priority integer DEFAULT 0 NOT NULL,
    lock text,
    queueing_lock text,
    args jsonb DEFAULT '{}'::jsonb NOT NULL,
    status vector_jobs.procrastinate_job_status DEFAULT 'todo'::vector_jobs.procrastinate_job_status NOT NULL,
    scheduled_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    abort_requested boolean DEFAULT false NOT NULL,
    worker_id bigint,
    CONSTRAINT check_not_todo_abort_requested CHECK ((NOT ((status = 'todo'::vector_jobs.procrastinate_job_status) AND (abort_requested = true))))
);
CREATE FUNCTION vector_jobs.procrastinate_fetch_job_v2(target_queue_names character varying[], p_worker_id bigint) RETURNS vector_jobs.procrastinate_jobs
    LANGUAGE plpgsql
    AS $$
DECLARE
	found_jobs procrastinate_jobs;
BEGIN
    WITH candidate AS (
        SELECT jobs.*
            FROM procrastinate_jobs AS jobs
            WHERE
                -- reject the job if its lock has earlier or higher priority jobs
                NOT EXISTS (
                    SELECT 1
                        FROM procrastinate_jobs AS other_jobs
                        WHERE
                            jobs.lock IS NOT NULL
                            AND other_jobs.lock = jobs.lock
                            AND (
                                -- job with same lock is already running
                                other_jobs.status = 'doing'
                                OR
                                -- job with same lock is waiting and has higher priority (or same priority but was queued first)
                                (
                                    other_jobs.status = 'todo'
                                    AND (
                                        other_jobs.priority > jobs.priority
                                        OR (
                                        other_jobs.priority = jobs.priority
                                        AND other_jobs.id < jobs.id
                                        )
                                    )
                                )
                            )
                )
                AND jobs.status = 'todo'
                AND (target_queue_names IS NULL OR jobs.queue_name = ANY( target_queue_names ))
                AND (jobs.scheduled_at IS NULL OR jobs.scheduled_at <= now())
            ORDER BY jobs.priority DESC, jobs.id ASC LIMIT 1
            FOR UPDATE OF jobs SKIP LOCKED
    )
    UPDATE procrastinate_jobs
        SET status = 'doing', worker_id = p_worker_id
        FROM candidate
        WHERE procrastinate_jobs.id = candidate.id
        RETURNING procrastinate_jobs.* INTO found_jobs;
 RETURN found_jobs;
END;
$$;
CREATE FUNCTION vector_jobs.procrastinate_finish_job_v1(job_id bigint, end_status vector_jobs.procrastinate_job_status, delete_job boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF end_status NOT IN ('succeeded', 'failed', 'aborted') THEN
        RAISE 'End status should be either "succeeded", "failed" or "aborted" (job id: %)', job_id;
    END IF;
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = end_status,
            abort_requested = false,
            attempts = CASE status
                WHEN 'doing' THEN attempts + 1 ELSE attempts
            END
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" or "todo" status (job id: %)', job_id;
    END IF;
END;
$$;
CREATE FUNCTION vector_jobs.procrastinate_notify_queue_abort_job_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'abort_job_requested', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;
CREATE FUNCTION vector_jobs.procrastinate_notify_queue_job_inserted_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'job_inserted', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;
CREATE FUNCTION vector_jobs.procrastinate_prune_stalled_workers_v1(seconds_since_heartbeat double precision) RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    DELETE FROM procrastinate_workers
    WHERE last_heartbeat < NOW() - (seconds_since_heartbeat || 'SECOND')::INTERVAL
    RETURNING procrastinate_workers.id;
END;
$$;
CREATE FUNCTION vector_jobs.procrastinate_register_worker_v1() RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    INSERT INTO procrastinate_workers DEFAULT VALUES
    RETURNING procrastinate_workers.id;
END;
$$;
CREATE FUNCTION vector_jobs.procrastinate_retry_job_v1(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
BEGIN
    SELECT abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status = 'doing'
    FOR UPDATE
    INTO _abort_requested;
    IF _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" status (job id: %)', job_id;
    END IF;
END;
$$;
CREATE FUNCTION vector_jobs.procrastinate_retry_job_v2(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
    _current_status procrastinate_job_status;
BEGIN
    SELECT status, abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status IN ('doing', 'failed')
    FOR UPDATE
    INTO _current_status, _abort_requested;
    IF _current_status = 'doing' AND _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status IN ('doing', 'failed')
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        RAISE 'Job was not found or has an invalid status to retry (job id: %)', job_id;
    END IF;
END;
$$;
CREATE FUNCTION vector_jobs.procrastinate_trigger_abort_requested_events_procedure_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'abort_requested'::procrastinate_job_event_type);
    RETURN NEW;
END;
$$;
CREATE FUNCTION vector_jobs.procrastinate_trigger_function_scheduled_events_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type, at)
        VALUES (NEW.id, 'scheduled'::procrastinate_job_event_type, NEW.scheduled_at);
	RETURN NEW;
END;
$$;
CREATE FUNCTION vector_jobs.procrastinate_trigger_function_status_events_insert_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'deferred'::procrastinate_job_event_type);
	RETURN NEW;
END;
$$;
CREATE FUNCTION vector_jobs.procrastinate_trigger_function_status_events_update_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    WITH t AS (
        SELECT CASE
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND NEW.status = 'doing'::procrastinate_job_status
                THEN 'started'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'deferred_for_retry'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'failed'::procrastinate_job_status
                THEN 'failed'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'succeeded'::procrastinate_job_status
                THEN 'succeeded'::procrastinate_job_event_type
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND (
                    NEW.status = 'cancelled'::procrastinate_job_status
                    OR NEW.status = 'failed'::procrastinate_job_status
                    OR NEW.status = 'succeeded'::procrastinate_job_status
                )
                THEN 'cancelled'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'aborted'::procrastinate_job_status
                THEN 'aborted'::procrastinate_job_event_type
            WHEN OLD.status = 'failed'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'retried'::procrastinate_job_event_type
            ELSE NULL
        END as event_type
    )
    INSERT INTO procrastinate_events(job_id, type)
        SELECT NEW.id, t.event_type
        FROM t
        WHERE t.event_type IS NOT NULL;
	RETURN NEW;
END;
$$;
CREATE FUNCTION vector_jobs.procrastinate_unlink_periodic_defers_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_periodic_defers
    SET job_id = NULL
    WHERE job_id = OLD.id;
    RETURN OLD;
END;
$$;
CREATE FUNCTION vector_jobs.procrastinate_unregister_worker_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM procrastinate_workers
    WHERE id = worker_id;
END;
$$;
CREATE FUNCTION vector_jobs.procrastinate_update_heartbeat_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_workers
    SET last_heartbeat = NOW()
    WHERE id = worker_id;
END;
$$;
CREATE TABLE vector_jobs.jobs (
    number bigint NOT NULL,
    id text NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    sync boolean NOT NULL,
    request json NOT NULL,
    target json,
    request_id text NOT NULL,
    who text NOT NULL,
    client text,
    idempotency_key text,
    fingerprint text NOT NULL,
    owner text,
    worker text,
    queue_id bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    progress json,
    result json,
    error json,
    version bigint DEFAULT 1 NOT NULL
);
ALTER TABLE vector_jobs.jobs ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME vector_jobs.jobs_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE vector_jobs.processes (
    id text NOT NULL,
    beat_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE vector_jobs.procrastinate_events (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    type vector_jobs.procrastinate_job_event_type,
    at timestamp with time zone DEFAULT now()
);
CREATE SEQUENCE vector_jobs.procrastinate_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE vector_jobs.procrastinate_events_id_seq OWNED BY vector_jobs.procrastinate_events.id;
CREATE SEQUENCE vector_jobs.procrastinate_jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE vector_jobs.procrastinate_jobs_id_seq OWNED BY vector_jobs.procrastinate_jobs.id;
CREATE TABLE vector_jobs.procrastinate_periodic_defers (
    id bigint NOT NULL,
    task_name character varying(128) NOT NULL,
    defer_timestamp bigint,
    job_id bigint,
    periodic_id character varying(128) DEFAULT ''::character varying NOT NULL
);
CREATE SEQUENCE vector_jobs.procrastinate_periodic_defers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE vector_jobs.procrastinate_periodic_defers_id_seq OWNED BY vector_jobs.procrastinate_periodic_defers.id;
CREATE TABLE vector_jobs.procrastinate_workers (
    id bigint NOT NULL,
    last_heartbeat timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE vector_jobs.procrastinate_workers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME vector_jobs.procrastinate_workers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY vector_jobs.procrastinate_events ALTER COLUMN id SET DEFAULT nextval('vector_jobs.procrastinate_events_id_seq'::regclass);
ALTER TABLE ONLY vector_jobs.procrastinate_jobs ALTER COLUMN id SET DEFAULT nextval('vector_jobs.procrastinate_jobs_id_seq'::regclass);
ALTER TABLE ONLY vector_jobs.procrastinate_periodic_defers ALTER COLUMN id SET DEFAULT nextval('vector_jobs.procrastinate_periodic_defers_id_seq'::regclass);
INSERT INTO vector_jobs.jobs OVERRIDING SYSTEM VALUE VALUES (1, '8e90638221054a37922a9825533ed5dc', 'backup', 'SUCCEEDED', true, '{"probes": 3}', '{"host": "127.0.0.1", "port": @PORT@, "dbname": "@DBNAME@", "user": "postgres", "source": "config"}', '1ddf148730fc43fb9316157f056ecf5e', 'local', '127.0.0.1', NULL, 'ed81f0b5fb75ccc63917d5bb12614123511c1fac59bf7573c14bc27b15bf8039', NULL, '75ed39f204bd4b4a9eb49cd3bdbe9513', NULL, '2026-11-27 06:26:08.120429+00', '2026-11-27 06:26:08.120429+00', '2026-11-27 06:26:08.209843+00', '{"phase": "check", "table": null, "bytes_done": 790, "bytes_total": null, "rows_done": 8, "percent": 100.0, "eta_seconds": 0.0}', '{"response": "Vector\u8868\u5907\u4efd\u5b8c\u6210", "backup_performed": true, "truncate_performed": false, "backup_directory": "./data_pipeline/training_data/vector_bak", "tables_backed_up": {"langchain_pg_collection": {"success": true, "row_count": 2, "file_size": "142 B", "file_bytes": 142, "backup_file": "langchain_pg_collection_20261127_062608.csv", "duration": 0.017}, "langchain_pg_embedding": {"success": true, "row_count": 6, "file_size": "648 B", "file_bytes": 648, "backup_file": "langchain_pg_embedding_20261127_062608.csv", "duration": 0.003}}, "storages": {"local": {"success": true}}, "truncate_results": {}, "errors": [], "warnings": [], "target": {"host": "127.0.0.1", "port": @PORT@, "dbname": "@DBNAME@", "user": "postgres", "source": "config"}, "probes": {"count": 3, "distance": "cosine", "recall": null}, "backup_timestamp": "20261127_062608", "duration": 0.074, "timestamp": "2026-11-27T06:26:08+00:00"}', NULL, 2);
INSERT INTO vector_jobs.jobs OVERRIDING SYSTEM VALUE VALUES (2, '5e5d59c41c774ca5bf85ab7d13893692', 'backup', 'SUCCEEDED', true, '{"format": "binary"}', '{"host": "127.0.0.1", "port": @PORT@, "dbname": "@DBNAME@", "user": "postgres", "source": "config"}', '0e634b93e5e3418f8ac59740ccb25be4', 'local', '127.0.0.1', NULL, '4b6a78137ec0ba333c9943e7644c94f3597810b03f7e66262601f3f1183c26d1', NULL, '75ed39f204bd4b4a9eb49cd3bdbe9513', NULL, '2026-11-27 06:26:08.226995+00', '2026-11-27 06:26:08.226995+00', '2026-11-27 06:26:08.326447+00', '{"phase": "check", "table": null, "bytes_done": 681, "bytes_total": null, "rows_done": 8, "percent": 100.0, "eta_seconds": 0.0}', '{"response": "Vector\u8868\u5907\u4efd\u5b8c\u6210", "backup_performed": true, "truncate_performed": false, "backup_directory": "./data_pipeline/training_data/vector_bak", "tables_backed_up": {"langchain_pg_collection": {"success": true, "row_count": 2, "file_size": "119 B", "file_bytes": 119, "backup_file": "langchain_pg_collection_20261127_062609.pgcopy", "duration": 0.031}, "langchain_pg_embedding": {"success": true, "row_count": 6, "file_size": "562 B", "file_bytes": 562, "backup_file": "langchain_pg_embedding_20261127_062609.pgcopy", "duration": 0.004}}, "storages": {"local": {"success": true}}, "truncate_results": {}, "errors": [], "warnings": [], "target": {"host": "127.0.0.1", "port": @PORT@, "dbname": "@DBNAME@", "user": "postgres", "source": "config"}, "backup_timestamp": "20261127_062609", "duration": 0.091, "timestamp": "2026-11-27T06:26:08+00:00"}', NULL, 2);
INSERT INTO vector_jobs.jobs OVERRIDING SYSTEM VALUE VALUES (3, 'da29c4658e0e46058ae5cbb86090b0d7', 'backup', 'SUCCEEDED', true, '{"collections": ["docs"]}', '{"host": "127.0.0.1", "port": @PORT@, "dbname": "@DBNAME@", "user": "postgres", "source": "config"}', 'f11b9e9016fa4ea9951e6ceaa4a378e6', 'local', '127.0.0.1', NULL, 'e61f711ba5e7b5a29ab1160e01902d0a32b060ea189acc24984e09d4bdab41e2', NULL, '75ed39f204bd4b4a9eb49cd3bdbe9513', NULL, '2026-11-27 06:26:08.329258+00', '2026-11-27 06:26:08.329258+00', '2026-11-27 06:26:08.393684+00', '{"phase": "check", "table": null, "bytes_done": 655, "bytes_total": null, "rows_done": 6, "percent": 100.0, "eta_seconds": 0.0}', '{"response": "Vector\u8868\u5907\u4efd\u5b8c\u6210", "backup_performed": true, "truncate_performed": false, "backup_directory": "./data_pipeline/training_data/vector_bak", "tables_backed_up": {"langchain_pg_collection": {"success": true, "row_count": 1, "file_size": "94 B", "file_bytes": 94, "backup_file": "langchain_pg_collection_20261127_062610.csv", "duration": 0.013}, "langchain_pg_embedding": {"success": true, "row_count": 5, "file_size": "561 B", "file_bytes": 561, "backup_file": "langchain_pg_embedding_20261127_062610.csv", "duration": 0.01}}, "storages": {"local": {"success": true}}, "truncate_results": {}, "errors": [], "warnings": [], "target": {"host": "127.0.0.1", "port": @PORT@, "dbname": "@DBNAME@", "user": "postgres", "source": "config"}, "collections": ["docs"], "backup_timestamp": "20261127_062610", "duration": 0.06, "timestamp": "2026-11-27T06:26:08+00:00"}', NULL, 2);
INSERT INTO vector_jobs.jobs OVERRIDING SYSTEM VALUE VALUES (4, 'b14b6fc396c140608a9e987dd31ecc74', 'restore', 'PARTIAL', true, '{"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": "20261127_062608"}', '{"host": "127.0.0.1", "port": @PORT@, "dbname": "@DBNAME@", "user": "postgres", "source": "config"}', '9ecb660e3b1a4140b00694ecdaf5bdcd', 'local', '127.0.0.1', NULL, '3cdf999278cb5e8854f71fff7fb93cf387493632b875e3ac11b193045f0ee608', NULL, '75ed39f204bd4b4a9eb49cd3bdbe9513', NULL, '2026-11-27 06:26:08.420622+00', '2026-11-27 06:26:08.420622+00', '2026-11-27 06:26:08.515455+00', '{"phase": "load", "table": "langchain_pg_embedding", "bytes_done": 790, "bytes_total": 790, "rows_done": 8, "percent": 100.0, "eta_seconds": 0.0}', '{"response": "Vector\u8868\u6062\u590d\u90e8\u5206\u5b8c\u6210,\u90e8\u5206\u8868\u6062\u590d\u5931\u8d25", "restore_performed": true, "truncate_performed": false, "backup_info": {"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": "20261127_062608", "backup_date": "2026-11-27 06:26:08"}, "restore_results": {"langchain_pg_collection": {"success": true, "source_file": "langchain_pg_collection_20261127_062608.csv", "rows_restored": 2, "file_size": "142 B", "file_bytes": 142, "duration": 0.005}, "langchain_pg_embedding": {"success": false, "source_file": "langchain_pg_embedding_20261127_062608.csv", "error": "\u6570\u636e\u5bfc\u5165\u5931\u8d25: langchain_pg_embedding_20261127_062608.csv \u7b2c 2 \u884c: \u6570\u636e\u91cd\u590d: \u76f8\u540c\u4e3b\u952e\u6216\u552f\u4e00\u952e\u7684\u884c\u5df2\u5b58\u5728", "error_type": "DUPLICATE_ROWS", "details": {"file": "langchain_pg_embedding_20261127_062608.csv", "line": 2, "column": null, "reason": "\u6570\u636e\u91cd\u590d: \u76f8\u540c\u4e3b\u952e\u6216\u552f\u4e00\u952e\u7684\u884c\u5df2\u5b58\u5728"}}}, "errors": ["langchain_pg_embedding\u8868\u6062\u590d\u5931\u8d25"], "warnings": [], "target": {"host": "127.0.0.1", "port": @PORT@, "dbname": "@DBNAME@", "user": "postgres", "source": "config"}, "duration": 0.09, "timestamp": "2026-11-27T06:26:08+00:00"}', NULL, 2);
INSERT INTO vector_jobs.jobs OVERRIDING SYSTEM VALUE VALUES (5, 'a3867f85d4d646afa932e882260b2f44', 'restore', 'FAILED', true, '{"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": "20261127_062608"}', '{"host": "127.0.0.1", "port": @PORT@, "dbname": "@DBNAME@", "user": "postgres", "source": "config"}', '93aa1ed8d258427fa90b8f2e3afaf01f', 'local', '127.0.0.1', NULL, '3cdf999278cb5e8854f71fff7fb93cf387493632b875e3ac11b193045f0ee608', NULL, '75ed39f204bd4b4a9eb49cd3bdbe9513', NULL, '2026-11-27 06:26:08.526129+00', '2026-11-27 06:26:08.526129+00', '2026-11-27 06:26:08.54515+00', '{"phase": "load", "table": "langchain_pg_embedding", "bytes_done": 790, "bytes_total": 790, "rows_done": 8, "percent": 95.2, "eta_seconds": 0.0}', NULL, '{"code": 409, "success": false, "message": "\u64cd\u4f5c\u51b2\u7a81", "data": {"response": "langchain_pg_collection_20261127_062608.csv \u7b2c 2 \u884c: \u6570\u636e\u91cd\u590d: \u76f8\u540c\u4e3b\u952e\u6216\u552f\u4e00\u952e\u7684\u884c\u5df2\u5b58\u5728", "error_type": "DUPLICATE_ROWS", "can_retry": false, "details": {"file": "langchain_pg_collection_20261127_062608.csv", "line": 2, "column": null, "reason": "\u6570\u636e\u91cd\u590d: \u76f8\u540c\u4e3b\u952e\u6216\u552f\u4e00\u952e\u7684\u884c\u5df2\u5b58\u5728"}, "target": {"host": "127.0.0.1", "port": @PORT@, "dbname": "@DBNAME@", "user": "postgres", "source": "config"}, "rolled_back": true, "timestamp": "2026-11-27T06:26:08+00:00"}}', 2);
INSERT INTO vector_jobs.jobs OVERRIDING SYSTEM VALUE VALUES (6, 'a7ad3f153fb1438f9653c904e3c137ed', 'restore', 'INTERRUPTED', true, '{"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": "20261127_062608", "truncate_before_restore": true}', '{"host": "127.0.0.1", "port": @PORT@, "dbname": "@DBNAME@", "user": "postgres", "source": "config"}', '4b4e856bc94a4374a5449c7d56a6e86a', 'local', '127.0.0.1', NULL, '1c6e7c79f2deb64bd9f3049786c64ad8554fb571c2a3640a6a5eb2866b48cb1a', NULL, 'f0753c416315412da5f39527a0ee27a7', NULL, '2026-11-27 06:26:08.662735+00', '2026-11-27 06:26:08.662735+00', '2026-11-27 06:26:08.976354+00', '{"phase": "verify", "table": null, "bytes_done": 0, "bytes_total": 790, "rows_done": 0, "percent": 0.0, "eta_seconds": null}', NULL, '{"code": 503, "success": false, "message": "\u670d\u52a1\u4e0d\u53ef\u7528", "data": {"response": "\u6267\u884c\u8be5\u64cd\u4f5c\u7684\u8fdb\u7a0b\u5df2\u7ec8\u6b62,\u672a\u63d0\u4ea4\u7684\u66f4\u6539\u5df2\u5168\u90e8\u56de\u6eda", "error_type": "INTERRUPTED", "can_retry": true, "timestamp": "2026-11-27T06:26:08+00:00"}}', 2);
INSERT INTO vector_jobs.jobs OVERRIDING SYSTEM VALUE VALUES (10, 'dd6af40c6260404fb0ac8dac4a79fc15', 'backup', 'PENDING', false, '{"probes": 2, "format": "binary", "async": true}', '{"host": "127.0.0.1", "port": @PORT@, "dbname": "@DBNAME@", "user": "postgres", "source": "config"}', '4bb57fa880ef4493bb40a332605b3d99', 'local', '127.0.0.1', NULL, '9df8b69d39c2558ab0e39caaa28e1551a54ebb90fe4c6b03a783a7ab4890ce4b', NULL, NULL, 4, '2026-11-27 06:26:09.194422+00', NULL, NULL, NULL, NULL, NULL, 1);
INSERT INTO vector_jobs.jobs OVERRIDING SYSTEM VALUE VALUES (7, '877a9d4e227c4acfa3a881e55be62bf4', 'restore', 'RUNNING', false, '{"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": "20261127_062608", "truncate_before_restore": true, "async": true}', '{"host": "127.0.0.1", "port": @PORT@, "dbname": "@DBNAME@", "user": "postgres", "source": "config"}', 'd2f5897743554decb24d3b5b28491665', 'local', '127.0.0.1', NULL, '004b2706f4086520e7b8fd8e281e31259c564e760f81397c2e834df46e2e1a83', NULL, '75ed39f204bd4b4a9eb49cd3bdbe9513', 1, '2026-11-27 06:26:09.008153+00', '2026-11-27 06:26:09.073391+00', NULL, NULL, NULL, NULL, 2);
INSERT INTO vector_jobs.jobs OVERRIDING SYSTEM VALUE VALUES (8, '61e9b82e8a5a4231a21f17e20bc6bab9', 'restore', 'CANCELLED', false, '{"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": "20261127_062608", "async": true}', '{"host": "127.0.0.1", "port": @PORT@, "dbname": "@DBNAME@", "user": "postgres", "source": "config"}', '4d4bf82d571e4032a9b3e3eeb722066a', 'local', '127.0.0.1', NULL, '4cf1589bc58b62257bad8999871ed48e94004a74b404731a66a99c5a04466d52', NULL, NULL, 2, '2026-11-27 06:26:09.120255+00', NULL, '2026-11-27 06:26:09.132986+00', NULL, NULL, NULL, 2);
INSERT INTO vector_jobs.jobs OVERRIDING SYSTEM VALUE VALUES (9, '99e1257a4f28493a98814a638e0e886d', 'restore', 'PENDING', false, '{"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": "20261127_062608", "truncate_before_restore": true, "async": true, "backup_before_restore": true}', '{"host": "127.0.0.1", "port": @PORT@, "dbname": "@DBNAME@", "user": "postgres", "source": "config"}', '7b87a99d7e6d4d93929934907c9ec327', 'local', '127.0.0.1', NULL, 'be836de4652c1c6db7e1ed605cb55445cfff40c71c391c1df8229978f18aed2d', NULL, NULL, 3, '2026-11-27 06:26:09.174724+00', NULL, NULL, NULL, NULL, NULL, 1);
INSERT INTO vector_jobs.jobs OVERRIDING SYSTEM VALUE VALUES (11, '8339f8ec4341bf798354a91fcec3c92d', 'restore', 'CANCELLING', true, '{"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": "20261127_062608", "truncate_before_restore": true, "async": true}', '{"host": "127.0.0.1", "port": @PORT@, "dbname": "@DBNAME@", "user": "postgres", "source": "config"}', 'cancelling', 'local', '127.0.0.1', NULL, '004b2706f4086520e7b8fd8e281e31259c564e760f81397c2e834df46e2e1a83', NULL, 'eb80402fe343b74c65d014a8054f0bf5', NULL, '2026-11-27 06:26:09.23242+00', '2026-11-27 06:26:09.073391+00', NULL, NULL, NULL, NULL, 3);
INSERT INTO vector_jobs.processes VALUES ('75ed39f204bd4b4a9eb49cd3bdbe9513', '2026-11-27 06:26:08.119349+00');
INSERT INTO vector_jobs.procrastinate_events VALUES (1, 1, 'deferred', '2026-11-27 06:26:09.008153+00');
INSERT INTO vector_jobs.procrastinate_events VALUES (2, 1, 'started', '2026-11-27 06:26:09.056203+00');
INSERT INTO vector_jobs.procrastinate_events VALUES (4, 3, 'deferred', '2026-11-27 06:26:09.174724+00');
INSERT INTO vector_jobs.procrastinate_events VALUES (5, 4, 'deferred', '2026-11-27 06:26:09.194422+00');
INSERT INTO vector_jobs.procrastinate_jobs VALUES (1, 'vector', 'run', 0, '8c31c6bbdfaf46951277e8badda94fae', NULL, '{"job_id": "877a9d4e227c4acfa3a881e55be62bf4"}', 'doing', NULL, 0, false, 1);
INSERT INTO vector_jobs.procrastinate_jobs VALUES (3, 'vector', 'run', 0, '8c31c6bbdfaf46951277e8badda94fae', NULL, '{"job_id": "99e1257a4f28493a98814a638e0e886d"}', 'todo', NULL, 0, false, NULL);
INSERT INTO vector_jobs.procrastinate_jobs VALUES (4, 'vector', 'run', 0, '8c31c6bbdfaf46951277e8badda94fae', NULL, '{"job_id": "dd6af40c6260404fb0ac8dac4a79fc15"}', 'todo', NULL, 0, false, NULL);
INSERT INTO vector_jobs.procrastinate_workers OVERRIDING SYSTEM VALUE VALUES (1, '2026-11-27 06:26:09.044704+00');
SELECT pg_catalog.setval('vector_jobs.jobs_number_seq', 11, true);
SELECT pg_catalog.setval('vector_jobs.procrastinate_events_id_seq', 5, true);
SELECT pg_catalog.setval('vector_jobs.procrastinate_jobs_id_seq', 4, true);
SELECT pg_catalog.setval('vector_jobs.procrastinate_periodic_defers_id_seq', 1, false);
SELECT pg_catalog.setval('vector_jobs.procrastinate_workers_id_seq', 1, true);
ALTER TABLE ONLY vector_jobs.jobs
    ADD CONSTRAINT jobs_id_key UNIQUE (id);
ALTER TABLE ONLY vector_jobs.jobs
    ADD CONSTRAINT jobs_idempotency_key_key UNIQUE (idempotency_key);
ALTER TABLE ONLY vector_jobs.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (number);
ALTER TABLE ONLY vector_jobs.processes
    ADD CONSTRAINT processes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY vector_jobs.procrastinate_events
    ADD CONSTRAINT procrastinate_events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY vector_jobs.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY vector_jobs.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_pkey PRIMARY KEY (id);
ALTER TABLE ONLY vector_jobs.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_unique UNIQUE (task_name, periodic_id, defer_timestamp);
ALTER TABLE ONLY vector_jobs.procrastinate_workers
    ADD CONSTRAINT procrastinate_workers_pkey PRIMARY KEY (id);
CREATE INDEX idx_procrastinate_jobs_worker_not_null ON vector_jobs.procrastinate_jobs USING btree (worker_id) WHERE ((worker_id IS NOT NULL) AND (status = 'doing'::vector_jobs.procrastinate_job_status));
CREATE INDEX idx_procrastinate_workers_last_heartbeat ON vector_jobs.procrastinate_workers USING btree (last_heartbeat);
CREATE INDEX jobs_finished_at ON vector_jobs.jobs USING btree (finished_at);
CREATE INDEX jobs_request_id ON vector_jobs.jobs USING btree (request_id);
CREATE INDEX jobs_unfinished ON vector_jobs.jobs USING btree (state) WHERE (finished_at IS NULL);
CREATE INDEX procrastinate_events_job_id_fkey_v1 ON vector_jobs.procrastinate_events USING btree (job_id);
CREATE INDEX procrastinate_jobs_id_lock_idx_v1 ON vector_jobs.procrastinate_jobs USING btree (id, lock) WHERE (status = ANY (ARRAY['todo'::vector_jobs.procrastinate_job_status, 'doing'::vector_jobs.procrastinate_job_status]));
CREATE UNIQUE INDEX procrastinate_jobs_lock_idx_v1 ON vector_jobs.procrastinate_jobs USING btree (lock) WHERE (status = 'doing'::vector_jobs.procrastinate_job_status);
CREATE INDEX procrastinate_jobs_priority_idx_v1 ON vector_jobs.procrastinate_jobs USING btree (priority DESC, id) WHERE (status = 'todo'::vector_jobs.procrastinate_job_status);
CREATE INDEX procrastinate_jobs_queue_name_idx_v1 ON vector_jobs.procrastinate_jobs USING btree (queue_name);
CREATE UNIQUE INDEX procrastinate_jobs_queueing_lock_idx_v1 ON vector_jobs.procrastinate_jobs USING btree (queueing_lock) WHERE (status = 'todo'::vector_jobs.procrastinate_job_status);
CREATE INDEX procrastinate_periodic_defers_job_id_fkey_v1 ON vector_jobs.procrastinate_periodic_defers USING btree (job_id);
CREATE TRIGGER procrastinate_jobs_notify_queue_job_aborted_v1 AFTER UPDATE OF abort_requested ON vector_jobs.procrastinate_jobs FOR EACH ROW WHEN (((old.abort_requested = false) AND (new.abort_requested = true) AND (new.status = 'doing'::vector_jobs.procrastinate_job_status))) EXECUTE FUNCTION vector_jobs.procrastinate_notify_queue_abort_job_v1();
CREATE TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 AFTER INSERT ON vector_jobs.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::vector_jobs.procrastinate_job_status)) EXECUTE FUNCTION vector_jobs.procrastinate_notify_queue_job_inserted_v1();
CREATE TRIGGER procrastinate_trigger_abort_requested_events_v1 AFTER UPDATE OF abort_requested ON vector_jobs.procrastinate_jobs FOR EACH ROW WHEN ((new.abort_requested = true)) EXECUTE FUNCTION vector_jobs.procrastinate_trigger_abort_requested_events_procedure_v1();
CREATE TRIGGER procrastinate_trigger_delete_jobs_v1 BEFORE DELETE ON vector_jobs.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION vector_jobs.procrastinate_unlink_periodic_defers_v1();
CREATE TRIGGER procrastinate_trigger_scheduled_events_v1 AFTER INSERT OR UPDATE ON vector_jobs.procrastinate_jobs FOR EACH ROW WHEN (((new.scheduled_at IS NOT NULL) AND (new.status = 'todo'::vector_jobs.procrastinate_job_status))) EXECUTE FUNCTION vector_jobs.procrastinate_trigger_function_scheduled_events_v1();
CREATE TRIGGER procrastinate_trigger_status_events_insert_v1 AFTER INSERT ON vector_jobs.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::vector_jobs.procrastinate_job_status)) EXECUTE FUNCTION vector_jobs.procrastinate_trigger_function_status_events_insert_v1();
CREATE TRIGGER procrastinate_trigger_status_events_update_v1 AFTER UPDATE OF status ON vector_jobs.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION vector_jobs.procrastinate_trigger_function_status_events_update_v1();
ALTER TABLE ONLY vector_jobs.procrastinate_events
    ADD CONSTRAINT procrastinate_events_job_id_fkey FOREIGN KEY (job_id) REFERENCES vector_jobs.procrastinate_jobs(id) ON DELETE CASCADE;
ALTER TABLE ONLY vector_jobs.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_worker_id_fkey FOREIGN KEY (worker_id) REFERENCES vector_jobs.procrastinate_workers(id) ON DELETE SET NULL;
ALTER TABLE ONLY vector_jobs.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_job_id_fkey FOREIGN KEY (job_id) REFERENCES vector_jobs.procrastinate_jobs(id);
