"""What becomes of sets of whole databases: carried elsewhere, made by schedule, and counted when they come back."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from data_pipeline.api import BASE, PREFIX
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.whole import relations
from data_pipeline.postgres.whole.relations import Name
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.test_resources import KEY, send
from tests.integration.test_transfers import upload
from tests.integration.whole_databases import plain_dump, streaming, voice
from tests.support.answers import data_of, failure


@pytest.fixture
def voices(empty_database: TestDatabase) -> TestDatabase:
    voice(empty_database)
    return empty_database


def restored(client: Client, made: dict[str, Any], **body: Any) -> Any:
    named = {"backup_path": made["backup_directory"], "timestamp": made["backup_timestamp"]}
    return client.post(f"{BASE}/databases/restore", json={"set": named, "trusted": True, **body})


def test_a_set_is_carried_in_a_tar_and_restores(make_client: Callable[..., Client], voices: TestDatabase) -> None:
    client = make_client(DATABASE_URL=voices.url)
    made, before = data_of(client.post(f"{BASE}/databases/backup")), plain_dump(voices)
    path = f"{PREFIX}/backups/global/{made['backup_timestamp']}"
    with streaming(client).get(f"{path}/download") as answer:
        tar = answer.get_data()
    data_of(client.delete(path))
    assert upload(client, tar[:-9000]).status_code == 422
    assert upload(client, tar).status_code == 200
    voices.execute("DELETE FROM messages")
    data_of(restored(client, made, mode="clean"))
    assert plain_dump(voices) == before


def test_a_schedule_saves_a_database(
    make_client: Callable[..., Client], voices: TestDatabase, jobs_database: TestDatabase
) -> None:
    settings = {"DATABASE_URL": voices.url, "JOBS_DATABASE_URL": jobs_database.url, "SECRET_KEY": KEY}
    client = make_client(**settings, LOG_TABLES="audit_logs")
    body = {"name": "nightly", "kind": "database_backup", "when": "daily", "request": {"exclude_logs": True}}
    data_of(send(client, "POST", "/schedules", body), 201)
    job = data_of(send(client, "POST", "/schedules/nightly/run"), 202)["job_id"]
    deadline = time.monotonic() + 60
    while (found := data_of(client.get(f"{PREFIX}/jobs/{job}")))["finished_at"] is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (found["kind"], found["state"]) == ("database_backup", "SUCCEEDED")
    shown = data_of(client.get(f"{PREFIX}/backups/global/{found['result']['backup_timestamp']}"))["manifest"]
    assert (shown["layout"], shown["partial"]) == ("database", True)
    for wrong in ({"async": True}, {"target": "postgresql://u:p@h/d"}, {"compression": "gzip"}):
        bad = send(client, "POST", "/schedules", {**body, "name": "bad", "request": wrong})
        assert failure(bad) == (400, "INVALID_PARAMS")


def test_a_new_database_with_other_rows_than_promised_is_dropped(
    make_client: Callable[..., Client], voices: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_client(DATABASE_URL=voices.url)
    made, before = data_of(client.post(f"{BASE}/databases/backup")), plain_dump(voices)
    counted = relations.count

    def one_less(session: Session, tables: Sequence[Name]) -> Mapping[Name, int]:
        return {name: rows - (name == ("public", "users")) for name, rows in counted(session, tables).items()}

    monkeypatch.setattr(relations, "count", one_less)
    answer = restored(client, made, mode="new_database", swap=True)
    assert failure(answer) == (422, "INVALID_BACKUP")
    assert "public.users" in answer.get_json()["data"]["response"]
    beside = "SELECT datname FROM pg_database WHERE starts_with(datname, %s || '_new_')"
    assert voices.fetch(beside, (voices.dbname,)) == []
    assert plain_dump(voices) == before
