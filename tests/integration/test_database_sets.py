"""Whole databases as sets: made, listed, verified, handed out, restored in every mode."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from data_pipeline.api import BASE, PREFIX
from data_pipeline.jobs.job import Origin
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.operations.drill.stores import DRILLS
from data_pipeline.operations.requests.drill import OF_STORES, DrillRequest
from data_pipeline.postgres_server.cluster import binaries
from tests.conftest import EMPTY, Databases, TestDatabase
from tests.integration.conftest import ROOT, Client, Role, new_role
from tests.integration.test_drills import scratch_directory
from tests.integration.whole_databases import plain_dump, streaming, voice
from tests.support.answers import data_of

BACKUP, RESTORE = f"{BASE}/databases/backup", f"{BASE}/databases/restore"
HERE = f"{ROOT}/vector_bak"
SPY = """
CREATE FUNCTION harmless() RETURNS bool LANGUAGE sql
    AS $$ SELECT NOT rolsuper FROM pg_roles WHERE rolname = current_user $$;
ALTER TABLE system_configs ADD CHECK (public.harmless()) NOT VALID;
"""
"""Rows of the table can be loaded by no superuser."""


@pytest.fixture
def voices(empty_database: TestDatabase) -> TestDatabase:
    voice(empty_database)
    return empty_database


@pytest.fixture
def other(databases: Databases) -> Iterator[TestDatabase]:
    yield (made := databases.like(EMPTY, "other_empty"))
    databases.remove(made)


@pytest.fixture
def service(make_client: Callable[..., Client], voices: TestDatabase, other: TestDatabase, tmp_path: Path) -> Client:
    (tmp_path / "usb").mkdir()
    return make_client(
        DATABASE_URL=voices.url,
        TARGETS=f'{{"other": "{other.url}"}}',
        STORAGES=f'{{"usb": "{tmp_path / "usb"}"}}',
        LOG_TABLES="audit_logs",
    )


def saved(client: Client, **body: Any) -> dict[str, Any]:
    return data_of(client.post(BACKUP, json=body))


def named(made: dict[str, Any]) -> dict[str, str]:
    return {"backup_path": made["backup_directory"], "timestamp": made["backup_timestamp"]}


def restore(client: Client, made: dict[str, Any], **body: Any) -> Any:
    return client.post(RESTORE, json={"set": named(made), "trusted": True, **body})


def test_a_set_is_listed_verified_copied_handed_out_and_removed(service: Client, voices: TestDatabase) -> None:
    made = saved(service)
    stamp = made["backup_timestamp"]
    assert made["files"]["archive"]["backup_file"] == f"pg_{voices.dbname}_{stamp}.dump.zst"
    (place,) = data_of(service.list(layout="database"))["backup_locations"]
    (listed,) = place["backups"]
    assert (listed["layout"], listed["database"], listed["partial"]) == ("database", voices.dbname, False)
    assert listed["rows"] == 50 + 50 + 600 + 20 + 100 + 5 + 2 + 30 + 40
    assert data_of(service.list())["backup_locations"] == []
    shown = data_of(service.get(f"{PREFIX}/backups/global/{stamp}"))
    assert shown["manifest"]["store"]["tables"]["public.messages_2025_odd"]["rows"] > 100
    assert data_of(service.post(f"{PREFIX}/backups/global/{stamp}/verify"))["verified"]
    data_of(service.post(f"{PREFIX}/backups/global/{stamp}/copy", json={"to": "usb"}))
    with streaming(service).get(f"{BASE}/databases/global/{stamp}/download", query_string={"storage": "usb"}) as answer:
        archive = answer.get_data()
        assert answer.headers["Content-Disposition"] == f'attachment; filename="pg_{voices.dbname}_{stamp}.dump"'
    listing = subprocess.run([binaries() / "pg_restore", "--list"], input=archive, capture_output=True, check=True)
    assert b"TABLE DATA public users" in listing.stdout
    data_of(service.delete(f"{PREFIX}/backups/global/{stamp}"))
    assert data_of(service.list(layout="database"))["backup_locations"] == []


def test_rows_of_logs_are_left_out_and_the_set_says_so(service: Client) -> None:
    made = saved(service, exclude_logs=True, compression="none")
    assert made["files"]["archive"]["backup_file"].endswith(".dump")
    shown = data_of(service.get(f"{PREFIX}/backups/global/{made['backup_timestamp']}"))["manifest"]
    assert shown["partial"]
    assert shown["store"]["excluded"] == ["public.audit_logs", "public.audit_logs_2024"]
    assert shown["store"]["tables"]["public.audit_logs_2024"]["rows"] is None


@pytest.mark.parametrize("compression", ["zstd", "none"])
def test_a_clean_restore_brings_everything_back(service: Client, voices: TestDatabase, compression: str) -> None:
    made, before = saved(service, compression=compression), plain_dump(voices)
    voices.execute("DELETE FROM messages_2025; DROP TABLE document_chunks; UPDATE users SET name = ''")
    done = data_of(restore(service, made, mode="clean"))
    assert (done["exit_code"], done["database"], done["swap_performed"]) == (0, voices.dbname, False)
    assert plain_dump(voices) == before


def test_a_flipped_bit_is_found_before_anything_runs(service: Client, voices: TestDatabase, output_dir: Path) -> None:
    made = saved(service)
    file = output_dir / "vector_bak" / made["files"]["archive"]["backup_file"]
    voices.execute("UPDATE users SET name = 'newer'")
    good, before = file.read_bytes(), plain_dump(voices)
    for place in (5, len(good) // 2, len(good) - 5):
        bad = bytearray(good)
        bad[place] ^= 4
        file.write_bytes(bad)
        for mode in ("merge", "clean", "new_database"):
            answer = restore(service, made, mode=mode)
            assert (answer.status_code, answer.get_json()["data"]["error_type"]) == (422, "INVALID_BACKUP")
        assert service.post(f"{PREFIX}/backups/global/{made['backup_timestamp']}/verify").status_code == 422
    assert plain_dump(voices) == before
    assert _others(voices) == []


def test_an_atomic_merge_is_all_or_nothing(service: Client, voices: TestDatabase, other: TestDatabase) -> None:
    made = saved(service)
    voices.execute("DROP TABLE document_chunks; DELETE FROM audit_logs")
    before = plain_dump(voices)
    answer = restore(service, made, atomic=True)
    assert (answer.status_code, answer.get_json()["data"]["error_type"]) == (409, "DUPLICATE_ROWS")
    assert answer.get_json()["data"]["rolled_back"] is True
    assert plain_dump(voices) == before
    other.execute("CREATE TABLE mine (x int); CREATE TABLE system_configs (key varchar(100) PRIMARY KEY, value jsonb)")
    done = data_of(restore(service, made, atomic=True, target="other"))
    assert (done["partial"], done["exit_code"]) == (False, 0)
    assert done["existing_objects"] >= 2
    assert other.fetch("SELECT count(*) FROM system_configs") == [(2,)]


def test_a_merge_leaves_what_is_there(service: Client, voices: TestDatabase) -> None:
    made = saved(service)
    voices.execute("DROP TABLE document_chunks")
    done = data_of(restore(service, made))
    assert "public.users" in done["tables_skipped"]
    assert voices.fetch("SELECT count(*) FROM document_chunks") == [(100,)]


def _others(voices: TestDatabase) -> list[str]:
    """The databases that were made beside one."""
    found = voices.fetch("SELECT datname FROM pg_database WHERE datname LIKE %s", (f"{voices.dbname}\\_%\\_2%",))
    return sorted(name for (name,) in found)


@pytest.fixture
def beside(voices: TestDatabase) -> Iterator[None]:
    """Removes what a test makes beside the live database."""
    yield
    with closing(psycopg2.connect(TestDatabase(voices.server, voices.server.dbname).url)) as connection:
        connection.autocommit = True
        for name in _others(voices):
            connection.cursor().execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.mark.usefixtures("beside")
def test_a_new_database_is_filled_beside_the_live_one(service: Client, voices: TestDatabase) -> None:
    made, before = saved(service), plain_dump(voices)
    voices.execute("DELETE FROM messages")
    done = data_of(restore(service, made, mode="new_database"))
    assert done["rows"]["public.users"] == 50
    assert [done["database"]] == _others(voices)
    fresh = TestDatabase(voices.server, done["database"])
    assert plain_dump(fresh) == before
    fresh.close()
    assert voices.fetch("SELECT count(*) FROM messages") == [(0,)]


@pytest.mark.usefixtures("beside")
def test_a_swap_puts_it_in_the_live_ones_place_with_all_that_was_set_there(
    service: Client, voices: TestDatabase
) -> None:
    made, before, name = saved(service), plain_dump(voices), voices.dbname
    with new_role(voices) as role:
        voices.execute(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
        voices.execute(f"GRANT CONNECT ON DATABASE {name} TO {role.name}")
        voices.execute(f"ALTER DATABASE {name} SET work_mem = '9MB'")
        voices.execute(f'ALTER DATABASE {name} SET search_path = public, "$user"')
        voices.execute(f"COMMENT ON DATABASE {name} IS 'the one'; DELETE FROM messages")
        voices.close()  # settings of a database hold for new sessions
        facts = (
            "SELECT array(SELECT unnest(datacl)::text ORDER BY 1), shobj_description(oid, 'pg_database')"
            " FROM pg_database WHERE datname = %s"
        )
        set_there = voices.fetch(facts, (name,)), voices.fetch("SHOW work_mem"), voices.fetch("SHOW search_path")
        user = psycopg2.connect(voices.url)
        voices.close()
        done = data_of(restore(service, made, mode="new_database", swap=True))
        assert (done["database"], done["swap_performed"]) == (name, True)
        with pytest.raises(psycopg2.OperationalError):
            user.cursor().execute("SELECT 1")
        assert plain_dump(voices) == before
        assert set_there == (
            voices.fetch(facts, (name,)),
            voices.fetch("SHOW work_mem"),
            voices.fetch("SHOW search_path"),
        )
        assert [done["kept_database"]] == _others(voices)
        kept = TestDatabase(voices.server, done["kept_database"])
        assert kept.fetch("SELECT count(*) FROM messages") == [(0,)]
        kept.execute(f"DROP OWNED BY {role.name}")
        kept.close()


SLOW_ROWS = """
CREATE FUNCTION slowly() RETURNS bool LANGUAGE sql AS $$ SELECT pg_sleep(1) IS NOT NULL $$;
ALTER TABLE system_configs ADD CHECK (public.slowly()) NOT VALID;
INSERT INTO documents SELECT md5('more' || n)::uuid, (SELECT id FROM users LIMIT 1), '' FROM generate_series(1, 99) n;
"""
"""A restore of the configuration takes seconds."""


def test_a_restore_that_is_cancelled_leaves_no_database_behind(service: Client, voices: TestDatabase) -> None:
    voices.execute(SLOW_ROWS)
    made = saved(service)
    job = data_of(restore(service, made, mode="new_database", **{"async": True}), 202)["job_id"]
    beside = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'vector-restore child pg_restore%'"
    deadline = time.monotonic() + 60
    while voices.fetch(beside) == [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    data_of(service.post(f"{PREFIX}/jobs/{job}/cancel"))
    while (shown := data_of(service.get(f"{PREFIX}/jobs/{job}")))["finished_at"] is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert shown["state"] == "CANCELLED"
    assert _others(voices) == []
    assert voices.fetch(beside) == [(0,)]


def test_the_database_of_the_job_queue_is_not_replaced(
    make_client: Callable[..., Client], jobs_database: TestDatabase
) -> None:
    client = make_client(DATABASE_URL=jobs_database.url, JOBS_DATABASE_URL=jobs_database.url)
    answer = restore(client, saved(client), mode="new_database")
    assert (answer.status_code, answer.get_json()["data"]["error_type"]) == (409, "DEPENDENT_ROWS")


def test_missing_roles_are_made_on_request_and_cannot_log_in(
    service: Client, voices: TestDatabase, other: TestDatabase
) -> None:
    with new_role(voices) as role:
        voices.execute(f"GRANT SELECT ON users TO {role.name}")
        made = saved(service)
    done = data_of(restore(service, made, target="other", mode="clean", create_roles=True))
    assert done["created_roles"] == [role.name]
    assert other.fetch("SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = %s", (role.name,)) == [(True,)]
    assert other.fetch("SELECT has_table_privilege(%s, 'users', 'SELECT')", (role.name,)) == [(True,)]
    other.execute(f"DROP OWNED BY {role.name}; DROP ROLE {role.name}")


def test_a_set_of_another_service_needs_the_word(
    service: Client, make_client: Callable[..., Client], voices: TestDatabase, jobs_database: TestDatabase
) -> None:
    made = saved(service)
    stranger = make_client(DATABASE_URL=voices.url, JOBS_DATABASE_URL=jobs_database.url)
    answer = restore(stranger, made, trusted=False)
    assert (answer.status_code, answer.get_json()["data"]["error_type"]) == (403, "UNTRUSTED_ARCHIVE")
    assert "sha256" in answer.get_json()["data"]["details"]
    ours = restore(service, made, trusted=False)  # known, but the role is a superuser
    assert "role" in ours.get_json()["data"]["details"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"mode": "merge", "swap": True}, "swap"),
        ({"mode": "clean", "atomic": False}, "atomic"),
        ({"mode": "new_database", "atomic": True}, "atomic"),
        ({"mode": "replace"}, "mode"),
        ({"target": "nowhere"}, "target"),
    ],
)
def test_fields_that_clash_are_named(service: Client, body: dict[str, Any], field: str) -> None:
    asked = {"set": {"backup_path": HERE, "timestamp": "20250722_010318"}, **body}
    answer = service.post(RESTORE, json=asked)
    assert (answer.status_code, answer.get_json()["data"]["details"]["field"]) == (400, field)


def test_a_set_that_is_not_there_is_404(service: Client) -> None:
    asked = {"set": {"backup_path": HERE, "timestamp": "20250722_010318"}}
    assert service.post(RESTORE, json=asked).status_code == 404


def test_expect_database_refuses_another_one(service: Client) -> None:
    answer = restore(service, saved(service), expect_database="another")
    assert answer.get_json()["data"]["error_type"] == "SCHEMA_MISMATCH"


def test_a_drill_restores_a_set_as_a_role_that_is_no_superuser(
    make_client: Callable[..., Client], voices: TestDatabase
) -> None:
    voices.execute("CREATE TABLE vectors (id int PRIMARY KEY, v vector(3)); INSERT INTO vectors VALUES (1, '[1,2,3]')")
    voices.execute("CREATE INDEX ON vectors USING hnsw (v vector_l2_ops)")
    with scratch_directory() as directory:
        client = make_client(DATABASE_URL=voices.url, DRILL_DIRECTORY=str(directory), LOG_TABLES="audit_logs")
        with new_role(voices) as role:
            voices.execute(f"GRANT SELECT ON users TO {role.name}")
            shown = drilled(client)
        assert (shown["proven"], shown["identical"], shown["errors"]) == (True, True, [])
        assert shown["tables"]["public.users"]["rows"] == 50
        voices.execute(SPY)
        whole = saved(client)["backup_timestamp"]
        saved(client, exclude_logs=True)
        jobs: Jobs = client.application.extensions["jobs"]
        newest = jobs.perform(DrillRequest.read({"location": "global", "layout": "database"}), Origin("1", "local"))
        assert (newest["proven"], newest["backup_info"]["timestamp"]) == (True, whole)


def test_the_newest_set_of_each_store_that_has_a_drill_may_be_asked_for() -> None:
    assert sorted(OF_STORES) == sorted(DRILLS)


def drilled(client: Client) -> dict[str, Any]:
    """What a drill of a new backup answers."""
    return data_of(client.post(f"{PREFIX}/backups/global/{saved(client)['backup_timestamp']}/drill"))


def test_a_role_that_is_no_superuser_saves_what_it_may_read(make_client: Callable[..., Client], role: Role) -> None:
    role.may("SELECT")
    data_of(make_client(DATABASE_URL=role.url).post(BACKUP, json={}))
