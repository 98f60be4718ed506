"""GET /restore/list, more: what it says of each set, a page at a time, and found by words."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from data_pipeline.api import PREFIX
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.postgres.schema.tables import QUEUE_SCHEMA
from data_pipeline.sets import manifest as manifests
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import failure

BACKUPS = f"{PREFIX}/backups/global"
KINDS = ("backup", "restore", "plan")


def sets_of(client: Client, **query: Any) -> list[dict[str, Any]]:
    data = client.list(**query).get_json()["data"]
    return [one | {"storage": place["storage"]} for place in data["backup_locations"] for one in place["backups"]]


def spoil(file: Path) -> None:
    """The same size, another content."""
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)


def test_a_set_says_what_it_is_of_and_what_is_known_of_it(
    client: Client, saved: dict[str, Any], backups: Any, database: TestDatabase, output_dir: Path
) -> None:
    client.backup(collections=["docs"])
    client.restore(**saved, truncate_before_restore=True, backup_before_restore=True)
    backups.write(b"uuid,name,cmetadata\n", b"id\n", "20200101_000000")
    before, partial, whole, unvouched = sets_of(client)
    rows = client.get(f"{BACKUPS}/{whole['timestamp']}").get_json()["data"]["manifest"]["tables"]
    assert {name: whole[name] for name in ("database", "rows", "partial", "origin", "state", "checked_at")} == {
        "database": database.dbname,
        "rows": rows["langchain_pg_embedding"]["rows"],
        "partial": False,
        "origin": "backup",
        "state": "vouched",
        "checked_at": None,
    }
    assert whole["bytes"] == sum(fact["bytes"] for fact in rows.values())
    assert (partial["partial"], before["origin"]) == (True, "restore")
    nothing = dict.fromkeys(("database", "rows", "partial", "origin"))
    assert unvouched.items() >= (nothing | {"state": "unvouched"}).items()
    (file,) = output_dir.rglob(f"*embedding_{whole['timestamp']}.csv")
    with file.open("ab") as data:
        data.write(b"x")
    assert [one["state"] for one in sets_of(client)] == ["vouched", "vouched", "damaged", "unvouched"]


def test_a_damaged_manifest_and_a_later_versions_are_told_apart(
    client: Client, saved: dict[str, Any], output_dir: Path
) -> None:
    (file,) = output_dir.rglob(f"vector_backup_{saved['timestamp']}.json")
    document = json.loads(file.read_bytes()) | {"format_version": manifests.FORMAT_VERSION + 1}
    document["sha256"] = manifests.checksum({name: one for name, one in document.items() if name != "sha256"})
    spoil(file)
    assert [one["state"] for one in sets_of(client)] == ["damaged"]
    file.write_text(json.dumps(document))
    assert [one["state"] for one in sets_of(client)] == ["unknown"]


def test_what_a_verification_found_is_kept_as_long_as_the_set_is_the_same(
    client: Client, saved: dict[str, Any], small_set: Any, output_dir: Path, make_client: Callable[..., Client]
) -> None:
    stamp = saved["timestamp"]
    for timestamp in (stamp, small_set["timestamp"]):
        client.post(f"{BACKUPS}/{timestamp}/verify")
    another_process = make_client()
    assert [one["state"] for one in sets_of(another_process)] == ["verified", "readable"]
    assert all(one["checked_at"] for one in sets_of(client))
    (data,) = output_dir.rglob(f"*embedding_{stamp}.csv")
    spoil(data)
    assert failure(client.post(f"{BACKUPS}/{stamp}/verify"))[1] == "INVALID_BACKUP"
    assert sets_of(client)[0]["state"] == "damaged"
    (manifest,) = output_dir.rglob(f"vector_backup_{stamp}.json")
    manifest.unlink()
    newest = sets_of(client)[0]
    assert (newest["state"], newest["checked_at"]) == ("unvouched", None)


def test_the_list_is_there_while_the_jobs_database_is_not(
    make_client: Callable[..., Client], saved: dict[str, Any]
) -> None:
    client = make_client(JOBS_DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    data = client.list().get_json()["data"]
    assert data["summary"]["checks_unknown"] is True
    assert client.post(f"{BACKUPS}/{saved['timestamp']}/verify").status_code == 200
    assert [(one["state"], one["checked_at"]) for one in sets_of(client)] == [("vouched", None)]


def test_pages_go_through_every_storage_with_the_copies_of_a_backup_on_one(
    make_client: Callable[..., Client], backups: Any, tmp_path: Path
) -> None:
    client = make_client(STORAGES=json.dumps({"archive": str(tmp_path / "archive")}))
    for second in range(5):
        backups.write(b"c", b"e", f"20250101_00000{second}", "task_a" if second == 3 else "")
    copies = tmp_path / "archive" / "vector_bak"
    copies.mkdir(parents=True)
    for file in backups.directory().glob("*20250101_000002*"):
        (copies / file.name).write_bytes(file.read_bytes())
    pages: list[list[str]] = []
    query = {"storage": "all", "limit": "2"}
    while True:
        data = client.list(**query).get_json()["data"]
        pages.append([f"{one['timestamp'][-1]} {one['storage']}" for one in _newest_first(data)])
        assert (data["summary"]["total_backup_sets"], data["summary"]["backups"]) == (6, 5)
        if "next" not in data["summary"]:
            break
        query["after"] = data["summary"]["next"]
    assert pages == [["4 local", "3 local"], ["2 archive", "2 local", "1 local"], ["0 local"]]
    assert [one["timestamp"][-1] for one in sets_of(client, q="task_a CSV")] == ["3"]
    assert sets_of(client, q="nothing like it") == []


def _newest_first(data: dict[str, Any]) -> list[dict[str, Any]]:
    sets = [one | {"storage": place["storage"]} for place in data["backup_locations"] for one in place["backups"]]
    return sorted(sets, key=lambda one: (-int(one["timestamp"].replace("_", "")), one["storage"]))


@pytest.mark.parametrize(("field", "value"), [("limit", "0"), ("limit", "201"), ("limit", "x"), ("after", "global")])
def test_what_names_no_page_is_refused(client: Client, field: str, value: str) -> None:
    answer = client.list(**{field: value})
    assert failure(answer) == (400, "INVALID_PARAMS")
    assert answer.get_json()["data"]["details"] == {"field": field}


def test_the_collections_that_a_backup_may_be_limited_to(
    client: Client, database: TestDatabase, fill: Any, make_client: Callable[..., Client]
) -> None:
    fill(database)
    data = client.get(f"{PREFIX}/collections").get_json()["data"]
    assert [one["name"] for one in data["collections"]] == ["docs", "空集合"]
    assert data["target"]["dbname"] == database.dbname
    named = make_client(TARGETS=json.dumps({"other": database.url}), DATABASE_URL="postgresql://a@127.0.0.1:1/a")
    assert named.get(f"{PREFIX}/collections?target=other").get_json()["data"]["target"]["source"] == "target"
    assert failure(client.get(f"{PREFIX}/collections?target={database.url}")) == (400, "INVALID_PARAMS")
    database.execute("DROP TABLE langchain_pg_collection CASCADE")
    assert failure(client.get(f"{PREFIX}/collections")) == (409, "SCHEMA_MISMATCH")


def test_jobs_are_found_by_kind_and_say_who_asked_and_why_they_failed(
    client: Client, database: TestDatabase, fill: Any
) -> None:
    def jobs(kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = client.get(f"{PREFIX}/jobs?kind={kind}").get_json()["data"]["jobs"]
        return found

    fill(database)
    before = {one["job_id"] for kind in KINDS for one in jobs(kind)}
    saved = client.backup().get_json()["data"]
    named = {"backup_path": saved["backup_directory"], "timestamp": saved["backup_timestamp"]}
    client.restore(**named, strategy="sync", dry_run=True)
    client.restore(**named, expect_database="an\0other")  # kept, though that is no text of PostgreSQL's
    of = {kind: [one for one in jobs(kind) if one["job_id"] not in before] for kind in KINDS}
    assert {kind: len(found) for kind, found in of.items()} == {"backup": 1, "restore": 1, "plan": 1}
    (failed,) = of["restore"]
    assert (failed["failure"]["error_type"], failed["who"]) == ("SCHEMA_MISMATCH", "local")
    assert "failure" not in of["backup"][0]


def test_a_request_that_an_earlier_version_kept_with_a_nul_is_listed_as_what_it_is(
    make_client: Callable[..., Client], database: TestDatabase, jobs_database: TestDatabase
) -> None:
    client = make_client(DATABASE_URL=database.url, JOBS_DATABASE_URL=jobs_database.url)
    for _ in range(2):
        assert client.backup().status_code == 200
    jobs: Jobs = client.application.extensions["jobs"]
    dry, meant = jobs.list(None, None, None, 10, "backup")
    for job, request in ((dry, r'{"a": "\u0000", "dry_run": true}'), (meant, r'{"a": "\u0000, \"dry_run\": true"}')):
        jobs_database.execute(f"UPDATE {QUEUE_SCHEMA}.jobs SET request = %s WHERE id = %s", (request, job.id))
    assert [job.id for job in jobs.list(None, None, None, 10, "plan")] == [dry.id]
    assert [job.id for job in jobs.list(None, None, None, 10, "backup")] == [meant.id]
    metrics = FlaskClient(client.application, client.application.response_class).get("/metrics").text
    assert 'vector_last_success_timestamp_seconds{operation="backup"}' in metrics
