"""The service's configuration, read from the environment over the configuration modules."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from app_config import PGVECTOR_CONFIG
from common import cron
from data_pipeline import targets
from data_pipeline.config import SCHEMA_TOOLS_CONFIG
from data_pipeline.data_home import PROJECT
from data_pipeline.postgres.link.wire import Timeouts
from data_pipeline.postgres.target import Target
from data_pipeline.settings import Settings, SettingsError
from data_pipeline.storage.s3.bucket_url import BucketUrl

SECRET = "pa55-word"
TOKEN = "a-token-of-some-length"


def test_without_an_environment_the_documented_defaults_hold() -> None:
    found = Settings.load({})
    assert (found.host, found.port) == ("127.0.0.1", 8084)
    assert found.output_directory == PROJECT / "data_pipeline" / "training_data"
    assert found.embedded_data_dir == PROJECT / ".local" / "pgdata"
    assert found.configured is None
    assert found.schema == "public"
    assert found.allowed_hosts == frozenset()
    assert (found.backup_directory, found.timestamp_format) == ("vector_bak", "%Y%m%d_%H%M%S")
    assert found.supported_tables == ("langchain_pg_collection", "langchain_pg_embedding")


UNLISTED: dict[str, list[Any]] = {
    "timestamp_format": [
        "%Y-%m-%d_%H%M%S",
        "%Y%m%d_%I%M%S",
        "%G%m%d_%H%M%S",
        "%Y%d%m_%H%M%S",
        "%y%m%d_%H%M%S",
        "",
        None,
    ],
    "supported_tables": [[], ["langchain_pg_embedding"], ["langchain_pg_collection", "items"], None, "embedding"],
    "backup_directory": ["", "..", "a/b", "/tmp", "a\\b", "a:b", "vector_bak ", None],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in UNLISTED.items() for value in values])
def test_what_would_make_backups_that_are_never_listed_stops_the_start_with_one_line(
    monkeypatch: pytest.MonkeyPatch, key: str, value: Any
) -> None:
    monkeypatch.setitem(SCHEMA_TOOLS_CONFIG["vector_table_management"], key, value)
    with pytest.raises(SettingsError, match=rf"^SCHEMA_TOOLS_CONFIG, vector_table_management: {key} must [^\n]+$"):
        Settings.load({})


@pytest.mark.parametrize("value", ["proxy.example.com", "10.0.0.1/8", "0.0.0.0/0", "::/0", "127.0.0.1;10.0.0.1"])
def test_a_proxy_is_trusted_by_its_address_or_network_and_never_every_address(value: str) -> None:
    with pytest.raises(SettingsError, match="TRUSTED_PROXIES must be addresses or networks"):
        Settings.load({"TRUSTED_PROXIES": value})


def test_an_empty_variable_is_not_set() -> None:
    names = ["HOST", "PORT", "DATABASE_URL", "OUTPUT_DIRECTORY", "EMBEDDED_DATA_DIR", "PGHOST", "PGVECTOR_SCHEMA"]
    assert Settings.load(dict.fromkeys(names, "")) == Settings.load({})


def test_every_variable_has_its_effect(tmp_path: Path) -> None:
    found = Settings.load(
        {
            "HOST": "::1",
            "PORT": "9000",
            "THREADS": "4",
            "OUTPUT_DIRECTORY": str(tmp_path),
            "EMBEDDED_DATA_DIR": str(tmp_path / "pg"),
            "PGVECTOR_SCHEMA": "rag",
            "PG_CONN_ALLOWED_HOSTS": "db1.example.com, DB2.example.com,",
            "TARGETS": '{"prod": "postgresql://ann@db1.example.com/docs"}',
            "PG_CONNECT_TIMEOUT": "3",
            "PG_LOCK_TIMEOUT": "7",
            "PG_STATEMENT_TIMEOUT": "600",
            "PG_IDLE_TIMEOUT": "30",
            "PG_CLIENT_CHECK_MS": "0",
            "MAX_BODY_BYTES": "4096",
            "MAX_WRITERS": "2",
            "API_TOKEN": TOKEN,
            "API_READ_TOKEN": TOKEN[::-1],
            "ALLOWED_HOSTS": "Backups.example.com",
            "CORS_ORIGINS": "https://panel.example.com,http://localhost:3000",
            "LOAD_WORKERS": "0",
            "INDEX_MEMORY": "512MB",
            "JOBS_DATABASE_URL": f"postgresql://queue:{SECRET}@db3.example.com/jobs",
            "JOBS_KEEP_DAYS": "7",
            "JOBS_HEARTBEAT_SECONDS": "2",
            "BACKUP_SCHEDULE": "0 3 * * * Asia/Shanghai",
            "BACKUP_KEEP_DAYS": "14",
            "BACKUP_KEEP_LAST": "3",
            "SECRET_KEY": f"{'n' * 32},{'o' * 32}",
            "STORAGE_ALLOWED_HOSTS": "S3.Amazonaws.com",
        }
    )
    assert (found.host, found.port, found.threads, found.schema) == ("::1", 9000, 4, "rag")
    assert (found.output_directory, found.embedded_data_dir) == (tmp_path, tmp_path / "pg")
    assert found.allowed_hosts == {"db1.example.com", "db2.example.com"}
    assert found.targets == {"prod": Target("target", "db1.example.com", 5432, "docs", "ann", schema="rag")}
    assert found.timeouts == Timeouts(connect=3, lock=7, statement=600, idle=30, client_check=0)
    assert (found.max_body_bytes, found.max_writers) == (4096, 2)
    assert (found.api_token, found.api_read_token) == (TOKEN, TOKEN[::-1])
    assert found.http_hosts == {"backups.example.com"}
    assert found.cors_origins == {"https://panel.example.com", "http://localhost:3000"}
    assert (found.load_workers, found.index_memory) == (0, "512MB")
    assert found.jobs_database == Target("jobs", "db3.example.com", 5432, "jobs", "queue", SECRET, schema="rag")
    assert (found.jobs_keep_days, found.jobs_heartbeat) == (7, 2)
    assert found.backup_schedule == cron.parse("0 3 * * * Asia/Shanghai")
    assert (found.backup_keep_days, found.backup_keep_last) == (14, 3)
    assert found.secret_keys == ("n" * 32, "o" * 32)
    assert found.storage_hosts == {"s3.amazonaws.com"}
    assert found.secret_key_file is None  # this machine's file would not reach the other readers of that database
    assert "n" * 32 not in repr(found)


def test_a_key_is_kept_beside_the_embedded_jobs_database(tmp_path: Path) -> None:
    data = tmp_path / "pgdata"
    assert Settings.load({"EMBEDDED_DATA_DIR": str(data)}).secret_key_file == tmp_path / "pgdata.secret_key"


PLACES = {
    "s3://bucket": BucketUrl(None, "bucket", ""),
    "s3://bucket/a/b/": BucketUrl(None, "bucket", "a/b"),
    "s3+http://localhost:9000/bucket": BucketUrl("http://localhost:9000", "bucket", ""),
    "s3+https://minio.example.com/bucket/深": BucketUrl("https://minio.example.com", "bucket", "深"),
    "/mnt/usb": Path("/mnt/usb"),
}


@pytest.mark.parametrize(("text", "place"), PLACES.items())
def test_backups_may_be_in_a_directory_or_a_bucket(text: str, place: Path | BucketUrl) -> None:
    found = Settings.load(
        {"OUTPUT_DIRECTORY": text, "STORAGES": json.dumps({"archive": text}), "UPLOAD_MAX_BYTES": "2048"}
    )
    assert (found.output_directory, found.storages, found.upload_max_bytes) == (place, {"archive": place}, 2048)


def test_a_relative_directory_of_the_environment_is_below_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings.load({"OUTPUT_DIRECTORY": "out"}).output_directory == tmp_path / "out"


def test_the_configuration_modules_are_read_each_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(SCHEMA_TOOLS_CONFIG, "output_directory", str(tmp_path))
    monkeypatch.setitem(PGVECTOR_CONFIG, "host", "db.example.com")
    found = Settings.load({})
    assert found.output_directory == tmp_path
    assert found.configured == Target("app_config", "db.example.com", 5432, "postgres", "postgres", None)


FIRST = {"DATABASE_URL": f"postgresql://ann:{SECRET}@first/docs"}
LIBPQ = {"PGHOST": "third", "PGPORT": "6543", "PGUSER": "bob", "PGPASSWORD": SECRET, "PGDATABASE": "other"}


def test_the_first_source_that_is_set_wins_whole() -> None:
    both = Settings.load({**FIRST, **LIBPQ}).configured
    assert both == Target("config", "first", 5432, "docs", "ann", SECRET)


def test_the_embedded_server_is_chosen_by_its_name_or_is_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    for env, named in (({}, False), ({"DATABASE_URL": ""}, False), ({"DATABASE_URL": "embedded"}, True)):
        found = Settings.load(env)
        assert (found.configured, found.database_named) == (None, named)
    beside = Settings.load({"DATABASE_URL": "embedded", **LIBPQ})
    assert (beside.configured, beside.database_named) == (None, True)
    assert Settings.load(FIRST).database_named
    assert Settings.load(LIBPQ).database_named
    monkeypatch.setitem(SCHEMA_TOOLS_CONFIG, "default_db_connection", "embedded")
    assert Settings.load({}).database_named


@pytest.mark.parametrize("name", ["DATABSE_URL", "DATABASEURL", "DATABASE_URI", "database_url", "DATBASE_URL"])
def test_a_variable_that_is_nearly_the_databases_is_named(name: str) -> None:
    assert targets.unnamed({"PATH": "/bin", name: "x"}).endswith(f"; is {name} meant to be DATABASE_URL?")


@pytest.mark.parametrize("name", ["JOBS_DATABASE_URL", "DATABASE_URL_TEST", "DATABASE_URL", "REDIS_URL", "DATABASE"])
def test_a_variable_of_another_meaning_is_not(name: str) -> None:
    assert targets.unnamed({name: ""}) == "set DATABASE_URL, to embedded if the embedded PostgreSQL is meant"


def test_the_variables_of_libpq_feed_the_third_source() -> None:
    assert Settings.load(LIBPQ).configured == Target("app_config", "third", 6543, "other", "bob", SECRET)


def test_the_second_source_beats_the_third_in_the_modules_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCHEMA_TOOLS_CONFIG, "default_db_connection", "postgresql://ann@second/docs")
    assert Settings.load(LIBPQ).configured == Target("config", "second", 5432, "docs", "ann", None)


def test_a_target_may_have_a_schema_of_its_own() -> None:
    entry = {"url": "postgresql://ann@db/docs", "schema": "app"}
    found = Settings.load({"TARGETS": json.dumps({"prod": entry}), "PGVECTOR_SCHEMA": "rag"})
    assert found.targets["prod"] == Target("target", "db", 5432, "docs", "ann", schema="app", elsewhere=True)


WHY = {
    "its option passfile": {"DATABASE_URL": "postgresql://ann@localhost/docs?passfile=/x"},
    "option connect_timeout ": {"JOBS_DATABASE_URL": "postgresql://ann@localhost/docs?connect_timeout=0"},
    "percent-encoded": {"DATABASE_URL": "postgresql://ann:a#b@localhost/docs"},
    "sslrootcert needs sslmode": {"TARGETS": '{"prod": {"url": "postgresql://ann@h/d", "sslrootcert": "/x"}}'},
}


@pytest.mark.parametrize(("words", "env"), WHY.items())
def test_a_url_that_is_refused_says_why(words: str, env: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=words):
        Settings.load(env)


def test_the_configured_host_may_be_named_by_requests() -> None:
    assert Settings.load({**FIRST, "PG_CONN_ALLOWED_HOSTS": "x"}).allowed_hosts == {"first", "x"}


def test_settings_do_not_change() -> None:
    found: Any = Settings.load({})
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.port = 1


def test_settings_can_be_printed_without_a_password() -> None:
    targets = f'{{"prod": "postgresql://ann:{SECRET}@localhost/docs"}}'
    printed = repr(Settings.load({**FIRST, "TARGETS": targets, "API_TOKEN": TOKEN, "API_READ_TOKEN": TOKEN}))
    assert (SECRET in printed, TOKEN in printed) == (False, False)


WRONG = {
    "a port that is no number": {"PORT": "http"},
    "a port over 65535": {"PORT": "65536"},
    "a negative port": {"PORT": "-1"},
    "a port in other digits": {"PORT": "٨٠٨٤"},
    "no thread": {"THREADS": "0"},
    "a fraction of a second": {"PG_CONNECT_TIMEOUT": "0.5"},
    "no time to wait": {"PG_LOCK_TIMEOUT": "0"},
    "a tiny body": {"MAX_BODY_BYTES": "1"},
    "too many workers": {"LOAD_WORKERS": "1000"},
    "too many connections that load": {"LOAD_CONNECTIONS": "17"},
    "a field COPY has no message for": {"LARGEST_FIELD_MB": "513"},
    "no field at all": {"LARGEST_FIELD_MB": "0"},
    "no writer": {"MAX_WRITERS": "0"},
    "a token anybody guesses": {"API_TOKEN": "short"},
    "a token that no header holds": {"API_READ_TOKEN": "a token with spaces in it"},
    "targets that are no JSON": {"TARGETS": f"prod=postgresql://ann:{SECRET}@localhost/docs"},
    "targets that are a list": {"TARGETS": f'["postgresql://ann:{SECRET}@localhost/docs"]'},
    "a target that is no URL": {"TARGETS": f'{{"prod": "{SECRET}"}}'},
    "a target of a strange name": {"TARGETS": f'{{"a/b": "postgresql://ann:{SECRET}@localhost/docs"}}'},
    "memory without a unit": {"INDEX_MEMORY": "512"},
    "a queue that is no URL": {"JOBS_DATABASE_URL": SECRET},
    "a heart that beats too slowly": {"JOBS_HEARTBEAT_SECONDS": "7"},
    "no day": {"JOBS_KEEP_DAYS": "0"},
    "a schedule of words": {"BACKUP_SCHEDULE": "every night"},
    "a short key": {"SECRET_KEY": "k" * 31},
    "a second key that is short": {"SECRET_KEY": f"{'k' * 32},short"},
    "a schedule on Mars": {"BACKUP_SCHEDULE": "0 3 * * * Mars/Olympus"},
    "fewer sets than none": {"BACKUP_KEEP_LAST": "-1"},
    "a URL that is none": {"DATABASE_URL": SECRET},
    "a URL with a server's settings": {"DATABASE_URL": f"postgresql://ann:{SECRET}@localhost/docs?options=-cx"},
    "a password that ends early": {"DATABASE_URL": f"postgresql://ann:#{SECRET}@localhost/docs"},
    "certificates that are not there": {"PG_SSL_ROOT_CERT": "/nowhere/ca.pem"},
    "certificates that are none": {"PG_SSL_ROOT_CERT": __file__},
    "a directory of certificates": {"PG_SSL_ROOT_CERT": "/"},
    "a URL with certificates that are none": {
        "DATABASE_URL": f"postgresql://ann:{SECRET}@localhost/docs?sslmode=verify-full&sslrootcert={__file__}"
    },
    "a schema of two lines": {"PGVECTOR_SCHEMA": "a\nb"},
    "a target with another key": {
        "TARGETS": json.dumps({"prod": {"url": f"postgresql://ann:{SECRET}@localhost/docs", "password": SECRET}})
    },
    "a target without a URL": {"TARGETS": json.dumps({"prod": {"schema": "app"}})},
    "a target with a schema that is no name": {
        "TARGETS": json.dumps({"prod": {"url": f"postgresql://ann:{SECRET}@localhost/docs", "schema": 1}})
    },
    "a target with two schemas": {
        "TARGETS": json.dumps({"prod": {"url": f"postgresql://ann:{SECRET}@h/d?schema=a", "schema": "b"}})
    },
    "a target with certificates that nothing looks at": {
        "TARGETS": json.dumps({"prod": {"url": f"postgresql://ann:{SECRET}@localhost/docs", "sslrootcert": "/ca.pem"}})
    },
    "a URL without a host": {"DATABASE_URL": f"postgresql://ann:{SECRET}@/docs"},
    "a database port that is no number": {**LIBPQ, "PGPORT": "five"},
    "a database port over 65535": {**LIBPQ, "PGPORT": "99999"},
    "a file for a directory": {"OUTPUT_DIRECTORY": __file__},
    "a bucket of another kind": {"OUTPUT_DIRECTORY": "gs://bucket/prefix"},
    "a bucket with a key in it": {"OUTPUT_DIRECTORY": f"s3://key:{SECRET}@bucket/prefix"},
    "a server with a key in it": {"OUTPUT_DIRECTORY": f"s3+http://key:{SECRET}@localhost:9000/bucket"},
    "a bucket with a key after it": {"OUTPUT_DIRECTORY": f"s3://bucket/prefix?secret={SECRET}"},
    "no bucket": {"OUTPUT_DIRECTORY": "s3://"},
    "a server without a bucket": {"OUTPUT_DIRECTORY": "s3+http://localhost:9000/"},
    "a server with a port that is none": {"OUTPUT_DIRECTORY": "s3+http://localhost:http/bucket"},
    "a bucket of a strange name": {"OUTPUT_DIRECTORY": "s3://UPPER_case/prefix"},
    "a prefix that climbs": {"OUTPUT_DIRECTORY": "s3://bucket/../prefix"},
    "storages that are no JSON": {"STORAGES": "archive=s3://bucket"},
    "storages that are a list": {"STORAGES": '["s3://bucket"]'},
    "a storage that is no place": {"STORAGES": '{"archive": 1}'},
    "a storage with a key in it": {"STORAGES": f'{{"archive": "s3://key:{SECRET}@bucket"}}'},
    "a storage of a strange name": {"STORAGES": '{"a/b": "s3://bucket"}'},
    "a storage with a drive's name": {"STORAGES": '{"C": "s3://bucket"}'},
    "a storage called local": {"STORAGES": '{"local": "s3://bucket"}'},
    "a storage called all": {"STORAGES": '{"all": "s3://bucket"}'},
    "an upload of nothing": {"UPLOAD_MAX_BYTES": "0"},
}


@pytest.mark.parametrize("env", WRONG.values(), ids=WRONG)
def test_a_wrong_value_is_one_clear_line_that_names_the_variable(env: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load(env)
    (line,) = str(caught.value).splitlines()
    assert any(name in line for name in env)
    assert SECRET not in line
