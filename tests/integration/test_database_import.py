"""POST /api/admin/database/import: in place of what is there, all or nothing; and what is refused."""

import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from common.errors import InternalError
from data_pipeline.api import BASE, PREFIX
from data_pipeline.operations.database import migration
from data_pipeline.postgres import writer_lock
from data_pipeline.postgres.progress import SILENT
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.whole import facts as database_facts
from tests.conftest import EMPTY, Databases, TestDatabase
from tests.integration.conftest import Client, Role, new_role
from tests.integration.whole_databases import (
    EXPORT,
    IMPORT,
    archive_of,
    events,
    export,
    failed,
    imported,
    plain_dump,
    post,
    refused,
    streaming,
    voice,
)
from tests.support.answers import data_of

TABLES = """
SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
"""
CLEAN = {"cleanFirst": "true", "trusted": "true"}


@pytest.fixture
def voices(empty_database: TestDatabase) -> TestDatabase:
    voice(empty_database)
    return empty_database


@pytest.fixture
def service(make_client: Callable[..., Client], voices: TestDatabase) -> Client:
    return make_client(DATABASE_URL=voices.url, PG_LOCK_TIMEOUT="1")


def test_a_clean_import_brings_back_what_was_exported(service: Client, voices: TestDatabase) -> None:
    archive, before = export(service), plain_dump(voices)
    voices.execute("UPDATE users SET name = ''; DROP TABLE document_chunks; DELETE FROM messages_2025")
    voices.execute("ALTER TABLE system_configs ADD extra int; DROP TABLE messages_2024; CREATE TABLE mine (x int)")
    last = imported(service, archive, **CLEAN)
    assert (last["exitCode"], last["partial"]) == (0, False)
    assert voices.fetch("SELECT count(*) FROM mine") == [(0,)]
    voices.execute("DROP TABLE mine")
    assert plain_dump(voices) == before


def newest_job(service: Client) -> dict[str, Any]:
    found: dict[str, Any] = data_of(service.get(f"{PREFIX}/jobs?kind=database_import&limit=1"))["jobs"][0]
    return data_of(service.get(f"{PREFIX}/jobs/{found['job_id']}"))


def test_an_import_is_in_the_history_with_what_it_did(service: Client, voices: TestDatabase) -> None:
    imported(service, export(service), trusted="true")
    job = newest_job(service)
    assert (job["state"], job["async"], job["who"]) == ("SUCCEEDED", False, "local")
    assert job["request"] == {"trusted": True}
    assert job["target"]["dbname"] == voices.dbname
    assert "public.users" in job["result"]["tables_skipped"]
    assert job["progress"]["percent"] == 100
    told = data_of(service.get(f"{BASE}/audit?limit=3"))["entries"]
    assert {one["what"]: one["outcome"] for one in told} == {
        "export_database": "STARTED", "import_database": "STARTED", "database_import": "SUCCEEDED",
    }  # fmt: skip


def test_an_import_that_is_refused_or_fails_is_in_the_history(service: Client, voices: TestDatabase) -> None:
    archive = archive_of(voices)
    refused(service, archive, cleanFirst="true")
    job = newest_job(service)
    assert (job["state"], job["error"]["data"]["error_type"]) == ("FAILED", "UNTRUSTED_ARCHIVE")
    assert job["request"] == {"cleanFirst": True}
    voices.execute("CREATE SCHEMA other; CREATE VIEW other.mine AS SELECT id FROM users")
    failed(service, archive, **CLEAN)
    job = newest_job(service)
    assert (job["state"], job["error"]["data"]["error_type"]) == ("FAILED", "DEPENDENT_ROWS")


def test_a_dependent_view_of_another_schema_refuses_it(service: Client, voices: TestDatabase) -> None:
    archive = export(service)
    voices.execute(
        "CREATE SCHEMA other; CREATE VIEW other.mine AS SELECT id FROM users; UPDATE users SET name = 'kept'"
    )
    before = plain_dump(voices)
    last = failed(service, archive, **CLEAN)
    assert last["error_type"] == "DEPENDENT_ROWS"
    assert last["details"]["dependents"] == ["view other.mine"]
    assert plain_dump(voices) == before


def test_a_table_in_use_is_waited_for_no_longer_than_a_lock_may_take(service: Client, voices: TestDatabase) -> None:
    archive = export(service)
    with closing(voices.connect()) as holder:
        holder.cursor().execute("SELECT FROM users LIMIT 1")
        last = failed(service, archive, **CLEAN)
    assert last["error_type"] == "LOCK_TIMEOUT"
    assert str(holder.info.backend_pid if not holder.closed else "") in last["message"]
    assert voices.fetch(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'vector-restore child%'"
    ) == [(0,)]


@pytest.fixture
def owner(voices: TestDatabase) -> Iterator[Role]:
    """A role that owns everything and is no superuser."""
    with new_role(voices) as role:
        voices.execute(f"ALTER DATABASE {voices.dbname} OWNER TO {role.name}")
        for (table,) in voices.fetch(TABLES):
            voices.execute(f"ALTER TABLE {table} OWNER TO {role.name}")
        voices.execute(f"ALTER VIEW active OWNER TO {role.name}; ALTER FUNCTION shout OWNER TO {role.name}")
        yield role
        voices.execute(
            f"ALTER DATABASE {voices.dbname} OWNER TO CURRENT_USER; REASSIGN OWNED BY {role.name} TO CURRENT_USER"
        )


@pytest.fixture
def owners_service(make_client: Callable[..., Client], owner: Role) -> Client:
    return make_client(DATABASE_URL=owner.url)


def test_an_archive_of_ours_needs_no_word_from_a_role_that_owns_the_database(
    owners_service: Client, voices: TestDatabase
) -> None:
    archive, before = export(owners_service), plain_dump(voices)
    voices.execute("UPDATE users SET name = ''")
    imported(owners_service, archive, cleanFirst="true")
    assert plain_dump(voices) == before


def test_any_other_archive_does(owners_service: Client, voices: TestDatabase) -> None:
    theirs = archive_of(voices)
    assert refused(owners_service, theirs, cleanFirst="true")["data"]["error_type"] == "UNTRUSTED_ARCHIVE"
    imported(owners_service, theirs, **CLEAN)


def test_a_flipped_bit_makes_an_archive_another_one(owners_service: Client) -> None:
    archive = bytearray(export(owners_service))
    archive[-200] ^= 1
    assert refused(owners_service, bytes(archive))["data"]["error_type"] in ("UNTRUSTED_ARCHIVE", "INVALID_BACKUP")


def test_a_superuser_needs_the_word_for_our_own(service: Client) -> None:
    answer = refused(service, export(service))
    assert (answer["code"], answer["data"]["error_type"]) == (403, "UNTRUSTED_ARCHIVE")


def test_what_others_own_is_not_dropped(
    make_client: Callable[..., Client], owner: Role, voices: TestDatabase, service: Client
) -> None:
    archive = export(service)
    voices.execute("ALTER TABLE users OWNER TO CURRENT_USER")
    before = plain_dump(voices)
    last = failed(make_client(DATABASE_URL=owner.url), archive, **CLEAN)
    assert last["error_type"] == "PERMISSION_DENIED"
    assert plain_dump(voices) == before


def _cut(archive: bytes) -> bytes:
    return archive[: len(archive) // 2]


def _newer(archive: bytes) -> bytes:
    return archive[:6] + bytes([99]) + archive[7:]


REFUSALS = [
    (lambda _: b"-- PostgreSQL database dump\nDROP TABLE users;\n", 422, "INVALID_BACKUP"),
    (lambda _: b"", 422, "INVALID_BACKUP"),
    (lambda _: b"PGDMP", 422, "INVALID_BACKUP"),
    (_cut, 422, "INVALID_BACKUP"),
    (lambda archive: archive[:-1], 422, "INVALID_BACKUP"),
    (_newer, 422, "INVALID_BACKUP"),
]


def test_what_is_no_whole_archive_is_refused_before_anything_runs(service: Client, voices: TestDatabase) -> None:
    archive, before = archive_of(voices), plain_dump(voices)
    for damage, status, error_type in REFUSALS:
        answer = refused(service, damage(archive), **CLEAN)
        assert (answer["code"], answer["data"]["error_type"]) == (status, error_type)
    assert plain_dump(voices) == before


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"cleanFirst": "yes"}, "cleanFirst"),
        ({"clean": "true"}, "clean"),
        ({"target": "postgresql://u:p@h/d"}, "target"),
        ({"target": "nowhere"}, "target"),
        ({"skipLogs": ["true", "true"]}, "skipLogs"),
    ],
)
def test_a_wrong_field_is_named(service: Client, voices: TestDatabase, fields: dict[str, str], field: str) -> None:
    answer = refused(service, archive_of(voices, "--schema-only"), trusted="true", **fields)
    assert (answer["code"], answer["data"]["details"]["field"]) == (400, field)


def test_a_form_needs_one_file(service: Client, voices: TestDatabase) -> None:
    archive = archive_of(voices, "--schema-only")
    plain = streaming(service)
    none = plain.post(IMPORT, data={"trusted": "true"}, content_type="multipart/form-data")
    assert none.get_json()["data"]["missing_params"] == ["file"]
    two = {"file": [(io.BytesIO(archive), "a.dump"), (io.BytesIO(archive), "b.dump")]}
    assert plain.post(IMPORT, data=two, content_type="multipart/form-data").status_code == 400
    other = {"upload": (io.BytesIO(archive), "a.dump")}
    assert plain.post(IMPORT, data=other, content_type="multipart/form-data").status_code == 400
    assert plain.post(IMPORT, data=b"{}", content_type="application/json").status_code == 400
    cut = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.dump"\r\n\r\n' + archive
    assert plain.post(IMPORT, data=cut, content_type="multipart/form-data; boundary=x").status_code == 400


def test_a_file_over_the_limit_is_refused(make_client: Callable[..., Client], voices: TestDatabase) -> None:
    archive = archive_of(voices)
    client = make_client(DATABASE_URL=voices.url, UPLOAD_MAX_BYTES=str(len(archive) - 1))
    assert refused(client, archive, **CLEAN)["code"] == 413
    allowed = make_client(DATABASE_URL=voices.url, UPLOAD_MAX_BYTES=str(len(archive)))
    imported(allowed, archive, **CLEAN)


def test_an_extension_that_the_server_lacks_is_named(service: Client, voices: TestDatabase) -> None:
    archive = archive_of(voices).replace(b"\x06\x00\x00\x00vector", b"\x06\x00\x00\x00vectro")
    last = failed(service, archive, **CLEAN)
    assert last["details"]["extensions"] == ["vectro"]


def test_one_import_of_a_database_at_a_time(service: Client, voices: TestDatabase) -> None:
    archive = archive_of(voices, "--schema-only")
    with closing(voices.connect()) as holder:
        holder.cursor().execute("SELECT pg_advisory_xact_lock(%s)", (writer_lock.KEY,))
        answer = refused(service, archive, **CLEAN)
    assert answer["code"] == 409
    assert answer["data"]["error_type"] == "OPERATION_IN_PROGRESS"
    assert answer["error"] == "其他管理员正在执行备份操作,请稍后重试"
    assert answer["details"] == "为确保数据一致性,同一时间只能执行一个备份操作"


def test_an_export_keeps_other_exports_out_and_no_import(service: Client, voices: TestDatabase) -> None:
    with streaming(service).get(EXPORT) as first:
        second = streaming(service).get(EXPORT)
        assert (second.status_code, "error" in second.get_json()) == (409, True)
        imported(service, archive_of(voices, "--schema-only", "--table=system_configs"), trusted="true")
        assert first.get_data()
    export(service)


def test_a_migration_runs_after_an_import(make_client: Callable[..., Client], voices: TestDatabase) -> None:
    command = """sh -c 'echo "for $DATABASE_URL"; echo "not $API_TOKEN"; exit 0' """
    client = make_client(DATABASE_URL=voices.url, MIGRATION_COMMAND=command)
    told = events(post(client, archive_of(voices), **CLEAN))
    assert told[-1]["type"] == "complete"
    lines = [event["message"] for event in told if event["message"].startswith("迁移: ")]
    place = re.sub(r"://([^:]+):[^@]+@", r"://\1:***@", voices.url)
    assert lines == [f"迁移: for {place}", "迁移: not"]


def test_a_migration_that_fails_is_an_error_of_a_database_that_is_there(
    make_client: Callable[..., Client], voices: TestDatabase
) -> None:
    client = make_client(DATABASE_URL=voices.url, MIGRATION_COMMAND="false")
    archive = archive_of(voices)
    voices.execute("UPDATE users SET name = ''")
    last = failed(client, archive, **CLEAN)
    assert (last["restored"], last["exitCode"]) == (True, 1)
    assert voices.fetch("SELECT count(*) FROM users WHERE name = ''") == [(0,)]
    missing = make_client(DATABASE_URL=voices.url, MIGRATION_COMMAND="/no/such/program")
    assert failed(missing, archive, **CLEAN)["restored"] is True


def test_a_migration_that_takes_too_long_is_ended() -> None:
    told: list[str] = []
    target = Target("config", "127.0.0.1", 1, "d", "u")
    script = "echo begun; sleep 600 & wait"  # what it has started goes with it
    with pytest.raises(InternalError) as raised:
        migration.run(["sh", "-c", script], target, SILENT, told.append, seconds=1)
    assert raised.value.data["restored"] is True
    assert "begun" in told[-1]


def test_where_errors_cannot_be_told_apart_none_is_ignored(
    service: Client, voices: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a server whose messages are in another language, which needs a locale of the system."""
    known = database_facts.of
    monkeypatch.setattr(database_facts, "of", lambda session: replace(known(session), messages_known=False))
    before = plain_dump(voices)
    last = failed(service, archive_of(voices), trusted="true")
    assert last["details"]["cause"] == "OTHER"
    assert plain_dump(voices) == before


def test_locks_that_the_server_does_not_have_are_missed_beforehand(
    service: Client, voices: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = database_facts.of
    monkeypatch.setattr(database_facts, "of", lambda session: replace(known(session), locks=40))
    before = plain_dump(voices)
    last = failed(service, archive_of(voices), **CLEAN)
    assert (last["error_type"], last["details"]["locks"]) == ("SCHEMA_MISMATCH", 40)
    assert last["details"]["locks_needed"] > 40
    assert plain_dump(voices) == before


def test_an_archive_of_a_newer_server_is_refused(
    make_client: Callable[..., Client], voices: TestDatabase, older_databases: Databases
) -> None:
    older = older_databases.like(EMPTY)
    try:
        answer = refused(make_client(DATABASE_URL=older.url), archive_of(voices), **CLEAN)
        assert (answer["code"], answer["data"]["error_type"]) == (409, "VERSION_MISMATCH")
        assert answer["data"]["details"]["archive_server_version"].startswith("18.")
        assert answer["data"]["details"]["server_version"].startswith("16.")
    finally:
        older_databases.remove(older)


def test_an_archive_of_an_older_server_goes_upward(
    make_client: Callable[..., Client], older_databases: Databases, empty_database: TestDatabase
) -> None:
    older = older_databases.like(EMPTY)
    try:
        voice(older)
        archive = export(make_client(DATABASE_URL=older.url))
        before = plain_dump(older)
    finally:
        older_databases.remove(older)
    imported(make_client(DATABASE_URL=empty_database.url), archive, **CLEAN)
    assert sorted(plain_dump(empty_database).splitlines()) == sorted(before.splitlines())


def test_an_import_is_cancelled_with_the_stream(service: Client, voices: TestDatabase) -> None:
    archive = archive_of(voices)
    before = plain_dump(voices)
    with closing(voices.connect()) as holder:
        holder.cursor().execute("SELECT FROM users LIMIT 1")
        response = post(service, archive, **CLEAN)
        assert next(iter(response.response))
        response.close()
        children = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'vector-restore child%'"
        assert voices.fetch(children) == [(0,)]
    assert plain_dump(voices) == before
    assert not [thread for thread in threading.enumerate() if thread.name == "import"]
    assert newest_job(service)["state"] == "CANCELLED"


def test_an_import_is_cancelled_as_a_job(service: Client, voices: TestDatabase) -> None:
    archive = archive_of(voices)
    with closing(voices.connect()) as holder:
        holder.cursor().execute("SELECT FROM users LIMIT 1")
        with post(service, archive, **CLEAN) as response:
            told: Iterator[Any] = iter(response.response)
            assert next(told)
            data_of(service.post(f"{PREFIX}/jobs/{newest_job(service)['job_id']}/cancel"))
            last = json.loads(str([*told][-1], "utf-8").removeprefix("data: "))
    assert (last["type"], last["error_type"]) == ("error", "CANCELLED")
    assert newest_job(service)["state"] == "CANCELLED"
