"""GET /api/admin/database/export, and the merge of what it gives."""

import re
import subprocess
from collections.abc import Callable, Iterator

import pytest

from data_pipeline.postgres_server.cluster import binaries
from tests.conftest import EMPTY, Databases, TestDatabase
from tests.integration.conftest import Client, new_role
from tests.integration.whole_databases import (
    EXPORT,
    archive_of,
    events,
    export,
    failed,
    imported,
    plain_dump,
    post,
    streaming,
    voice,
)

PARTS = ("public.messages_2024", "public.messages_2025_even", "public.messages_2025_odd")
TRUSTED = {"trusted": "true"}


@pytest.fixture
def source(empty_database: TestDatabase) -> TestDatabase:
    """The voice assistant's database."""
    voice(empty_database)
    return empty_database


@pytest.fixture
def new_database(databases: Databases) -> Iterator[TestDatabase]:
    """An empty one beside the source."""
    yield (made := databases.like(EMPTY, "new_empty"))
    databases.remove(made)


@pytest.fixture
def make(make_client: Callable[..., Client], source: TestDatabase, new_database: TestDatabase) -> Client:
    """A service whose database is the source, and whose target `new` is an empty one."""
    return make_client(DATABASE_URL=source.url, TARGETS=f'{{"new": "{new_database.url}"}}')


def test_an_export_is_an_archive_that_any_pg_restore_reads(make: Client) -> None:
    with streaming(make).get(EXPORT) as response:
        archive = response.get_data()
        named = response.headers["Content-Disposition"]
        tool = response.headers["X-Dump-Version"]
    assert re.fullmatch(r'attachment; filename="backup_\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.dump"', named)
    assert re.fullmatch(r"\d+\.\S+ \((embedded|PATH)\)", tool)
    listed = subprocess.run([binaries() / "pg_restore", "--list"], input=archive, capture_output=True, check=True)
    assert b"TABLE DATA public messages_2025_odd" in listed.stdout


def test_logs_are_left_out_with_what_inherits_from_them(
    make_client: Callable[..., Client], source: TestDatabase
) -> None:
    client = make_client(DATABASE_URL=source.url, LOG_TABLES="message_request, public.audit_logs")
    with streaming(client).get(EXPORT, query_string={"excludeLogs": "true"}) as response:
        archive = response.get_data()
        assert response.headers["Content-Disposition"].endswith('_no-logs.dump"')
    listed = subprocess.run(
        [binaries() / "pg_restore", "--list"], input=archive, capture_output=True, check=True
    ).stdout
    assert b"TABLE public audit_logs_2024" in listed
    assert b"TABLE DATA public audit_logs_2024" not in listed
    assert b"TABLE DATA public message_request" not in listed
    assert b"TABLE DATA public messages_2024" in listed


def test_the_queue_of_the_service_does_not_go_out(
    make_client: Callable[..., Client], source: TestDatabase, jobs_database: TestDatabase
) -> None:
    client = make_client(DATABASE_URL=jobs_database.url, JOBS_DATABASE_URL=jobs_database.url)
    assert b"vector_jobs" not in export(client)


def test_an_archive_with_a_queue_of_another_service_leaves_it_out(
    make_client: Callable[..., Client], jobs_database: TestDatabase, empty_database: TestDatabase
) -> None:
    client = make_client(DATABASE_URL=empty_database.url)
    imported(client, archive_of(jobs_database), **TRUSTED)
    assert empty_database.fetch("SELECT FROM pg_namespace WHERE nspname = 'vector_jobs'") == []


def test_what_was_merged_into_an_empty_database_is_the_same(
    make: Client, source: TestDatabase, new_database: TestDatabase
) -> None:
    last = imported(make, export(make), target="new", **TRUSTED)
    assert (last["exitCode"], last["partial"]) == (0, False)
    assert plain_dump(new_database) == plain_dump(source)


def test_a_merge_leaves_tables_with_the_same_keys_as_they_were(make: Client, source: TestDatabase) -> None:
    archive = export(make)
    source.execute("UPDATE users SET name = 'changed'; DELETE FROM messages; DELETE FROM audit_logs")
    source.execute("ALTER SEQUENCE message_request_id_seq RESTART WITH 500; GRANT ALL ON users TO PUBLIC")
    last = imported(make, archive, **TRUSTED)
    assert (last["partial"], last["exitCode"]) == (True, 1)
    assert {"public.users", "public.sessions", "public.system_configs"} <= set(last["tables_skipped"])
    assert {"public.audit_logs_2024", *PARTS} == set(last["tables_added_to"])
    assert source.fetch("SELECT count(*) FROM messages") == [(600,)]
    assert source.fetch("SELECT DISTINCT name FROM users") == [("changed",)]
    assert source.fetch("SELECT nextval('message_request_id_seq')") == [(500,)]
    assert source.fetch("SELECT has_table_privilege('public.users', 'SELECT')") == [(True,)]
    assert last["existing_objects"] > 20


def test_a_merge_moves_sequences_behind_the_rows_that_came(make: Client, source: TestDatabase) -> None:
    archive = export(make)
    source.execute("TRUNCATE message_request RESTART IDENTITY")
    imported(make, archive, **TRUSTED)
    source.execute("INSERT INTO message_request (model) VALUES ('new')")
    assert source.fetch("SELECT max(id) FROM message_request") == [(41,)]


def test_each_object_is_told_as_it_is_restored(make: Client) -> None:
    told = events(post(make, export(make), target="new", **TRUSTED))
    texts = [event["message"] for event in told]
    assert any('TABLE "public.messages_2024"' in text for text in texts)
    percents = [event["percent"] for event in told]
    assert percents == sorted(percents)
    assert percents[-1] == 100


def test_rows_of_logs_can_be_left_out_of_an_import(make: Client, new_database: TestDatabase) -> None:
    last = imported(make, export(make), target="new", skipLogs="true", **TRUSTED)
    assert new_database.fetch("SELECT count(*) FROM message_request") == [(0,)]
    assert "TABLE DATA public.message_request" in last["left_out"]


def test_roles_that_are_missing_are_counted(make: Client, source: TestDatabase, new_database: TestDatabase) -> None:
    with new_role(source) as role:
        source.execute(f"GRANT SELECT ON users TO {role.name}")
        archive = export(make)
    last = imported(make, archive, target="new", **TRUSTED)
    assert last["missing_roles"] == 1
    assert new_database.fetch("SELECT count(*) FROM users") == [(50,)]


def test_a_merge_stops_at_an_error_of_another_kind(
    make: Client, source: TestDatabase, new_database: TestDatabase
) -> None:
    new_database.execute("CREATE TABLE users (id text)")
    last = failed(make, export(make), target="new", **TRUSTED)
    assert last["error_type"] == "INVALID_BACKUP"
    assert last["details"]["entry"] == "VIEW public.active"


@pytest.fixture
def restricted(make_client: Callable[..., Client], source: TestDatabase) -> Iterator[Client]:
    """A service whose role may log in and nothing else."""
    with new_role(source) as role:
        yield make_client(DATABASE_URL=role.url)


def test_a_role_that_may_not_read_is_refused_before_any_byte(restricted: Client) -> None:
    with streaming(restricted).get(EXPORT) as response:
        assert response.status_code == 403
        assert response.get_json()["data"]["error_type"] == "PERMISSION_DENIED"


def test_rows_that_a_policy_hides_are_no_smaller_export(restricted: Client, source: TestDatabase) -> None:
    source.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC; ALTER TABLE users ENABLE ROW LEVEL SECURITY")
    source.execute("GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO PUBLIC")
    response = streaming(restricted).get(EXPORT)
    with pytest.raises(Exception, match="权限不足"), response:
        response.get_data()
    source.execute("REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM PUBLIC")
