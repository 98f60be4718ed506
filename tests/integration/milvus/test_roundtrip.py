"""A backup, damage, a restore: every row is as it was, to the bit, and searches find the same."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from data_pipeline.api import BASE, PREFIX
from tests.integration.conftest import Client
from tests.integration.milvus.conftest import Service
from tests.integration.milvus.rows import found, full_row, held, make_full, make_plain, plain_row
from tests.support.answers import data_of
from tools.milvus_server import MilvusServer


def test_a_new_collection_has_every_row_of_every_type(service: Service, pymilvus: Any) -> None:
    make_full(pymilvus, "docs", 300)
    before = held(pymilvus, "docs")
    made = service.done("backup", target="milvus")
    assert made["collections_backed_up"]["docs"]["row_count"] == 300
    assert made["collections_backed_up"]["docs"]["partitions"] == 2
    told = " ".join(made["warnings"])
    assert "efConstruction" in told  # milvus-lite doesn't tell the parameters of an index
    assert "words" in told  # nor the length of an array's texts
    chosen = {"backup_path": made["backup_directory"], "timestamp": made["backup_timestamp"]}
    pymilvus.drop_collection("docs")
    restored = service.restore(chosen)
    assert restored["restore_results"]["docs"]["action"] == "created"
    assert held(pymilvus, "docs") == before
    assert sorted(pymilvus.list_partitions("docs")) == ["_default", "late"]
    assert pymilvus.describe_collection("docs")["properties"] == {"collection.ttl.seconds": "0"}
    assert sorted(pymilvus.list_indexes("docs")) == ["sparse", "text", "v"]


def test_a_set_is_proven_on_a_server_of_its_own(
    make_client: Callable[..., Client], milvus: MilvusServer, pymilvus: Any, tmp_path: Path
) -> None:
    drills = tmp_path / "drills"
    service = Service(make_client(TARGETS=json.dumps({"milvus": milvus.url}), DRILL_DIRECTORY=str(drills)))
    make_full(pymilvus, "docs", 60)
    pymilvus.create_alias("docs", "current")
    chosen = service.backup()
    drilled = data_of(service.client.post(f"{PREFIX}/backups/global/{chosen['timestamp']}/drill"))
    assert (drilled["proven"], drilled["identical"], drilled["errors"]) == (True, True, [])
    assert drilled["tables"]["docs"]["rows"] == 60
    assert drilled["server_version"].startswith("milvus_lite")
    assert not list(drills.glob("server-*"))
    assert pymilvus.list_collections() == ["docs"]


def test_searches_find_the_same_after_a_swap_by_rename(service: Service, pymilvus: Any) -> None:
    make_plain(pymilvus, "docs", 500)
    before, nearest = held(pymilvus, "docs"), found(pymilvus, "docs", plain_row(42)["v"])
    chosen = service.backup()
    pymilvus.delete("docs", filter="id < 100")
    pymilvus.insert("docs", [plain_row(number, "new") for number in range(1000, 1050)])
    damaged = held(pymilvus, "docs")
    done = service.restore(chosen, swap=True)["restore_results"]["docs"]
    assert (done["action"], done["switched_by"], done["rows_before"]) == ("swapped", "rename", 450)
    assert done["window_seconds"] <= done["unloaded_seconds"]
    assert held(pymilvus, "docs") == before
    assert found(pymilvus, "docs", plain_row(42)["v"]) == nearest
    assert held(pymilvus, done["old"]) == damaged


def test_an_alias_is_pointed_at_the_new_collection(service: Service, pymilvus: Any) -> None:
    make_plain(pymilvus, "docs", 100)
    pymilvus.create_alias("docs", "current")
    before, chosen = held(pymilvus, "docs"), service.backup()
    pymilvus.delete("docs", filter="id >= 0")
    done = service.restore(chosen, swap=True)["restore_results"]["docs"]
    assert (done["switched_by"], done["name"], done["old"]) == ("alias", "docs__restore", "docs")
    assert done["window_seconds"] == done["unloaded_seconds"] == 0
    assert held(pymilvus, "current") == before
    assert held(pymilvus, "docs") == []


def test_the_old_one_goes_where_that_is_asked_for(service: Service, pymilvus: Any) -> None:
    make_plain(pymilvus, "docs", 10)
    chosen = service.backup()
    service.restore(chosen, swap=True, drop_old=True)
    assert pymilvus.list_collections() == ["docs"]


def test_a_suffix_and_new_names_go_beside_the_original(service: Service, pymilvus: Any) -> None:
    make_plain(pymilvus, "docs", 10)
    pymilvus.create_alias("docs", "current")
    chosen = service.backup()
    assert service.restore(chosen, collection_suffix="_copy")["restore_results"]["docs"]["name"] == "docs_copy"
    service.restore(chosen, renames={"docs": "others"})
    assert sorted(pymilvus.list_collections()) == ["docs", "docs_copy", "others"]
    assert held(pymilvus, "others") == held(pymilvus, "docs") == held(pymilvus, "docs_copy")
    assert pymilvus.describe_alias("current")["collection_name"] == "docs"


def test_a_merge_writes_rows_by_their_keys(service: Service, pymilvus: Any) -> None:
    make_plain(pymilvus, "docs", 50)
    chosen = service.backup()
    pymilvus.upsert("docs", [plain_row(3, "changed"), plain_row(900, "new")])
    pymilvus.delete("docs", filter="id == 5")
    done = service.restore(chosen, merge=True)["restore_results"]["docs"]
    assert (done["action"], done["rows_before"]) == ("merged", 50)
    texts = {row["id"]: row["text"] for row in pymilvus.query("docs", filter="id >= 0", output_fields=["text"])}
    assert texts == {**{number: f"text {number}" for number in range(50)}, 900: "new 900"}


def test_a_dry_run_changes_nothing_and_tells_every_problem(service: Service, pymilvus: Any) -> None:
    make_plain(pymilvus, "docs", 20)
    make_plain(pymilvus, "more", 20)
    chosen = service.backup()
    pymilvus.drop_collection("more")
    told = service.restore(chosen, dry_run=True)
    assert told["dry_run"] is True
    assert told["restore_performed"] is False
    assert told["restore_results"]["more"]["action"] == "would_create"
    assert [(one["collection"], one["error_type"]) for one in told["problems"]] == [("docs", "RESOURCE_EXISTS")]
    assert pymilvus.list_collections() == ["docs"]
    swapped = service.restore(chosen, dry_run=True, swap=True)
    assert swapped["restore_results"]["docs"]["action"] == "would_swap"
    assert swapped["problems"] == []


def test_keys_that_the_server_made_are_kept_or_made_anew(service: Service, pymilvus: Any) -> None:
    make_plain(pymilvus, "docs", 30, auto_id=True)
    before, chosen = held(pymilvus, "docs"), service.backup()
    assert service.refused("restore", set=chosen, target="milvus", swap=True) == (409, "SCHEMA_MISMATCH")
    service.restore(chosen, renames={"docs": "kept"})
    assert held(pymilvus, "kept") == before
    service.restore(chosen, renames={"docs": "anew"}, keys="new")
    assert held(pymilvus, "anew", ("id",)) == held(pymilvus, "docs", ("id",))
    assert pymilvus.describe_collection("anew")["auto_id"] is True


def test_an_empty_collection_comes_back_empty(service: Service, pymilvus: Any) -> None:
    make_plain(pymilvus, "docs", 1)
    pymilvus.delete("docs", filter="id == 0")
    chosen = service.backup()
    pymilvus.drop_collection("docs")
    assert service.restore(chosen)["restore_results"]["docs"]["rows"] == 0
    assert held(pymilvus, "docs") == []


def test_an_unloaded_collection_is_loaded_for_its_backup(service: Service, pymilvus: Any) -> None:
    make_plain(pymilvus, "docs", 10)
    pymilvus.release_collection("docs")
    made = service.done("backup", target="milvus")
    assert any("docs" in warning for warning in made["warnings"])
    assert str(pymilvus.get_load_state("docs")["state"]) == "NotLoad"


def test_parquet_files_are_read_by_any_reader(service: Service, pymilvus: Any, output_dir: Path) -> None:
    import pyarrow.parquet as pq

    make_full(pymilvus, "docs", 40)
    service.backup()
    (path,) = output_dir.glob("vector_bak/milvus_docs.late_*.parquet")
    rows = pq.read_table(path).to_pylist()
    assert len(rows) == 20
    assert rows[-1]["v"] == pytest.approx(full_row(39)["v"])


def test_what_is_expected_has_to_be_so(service: Service, pymilvus: Any) -> None:
    make_plain(pymilvus, "docs", 10)
    chosen, before = service.backup(), held(pymilvus, "docs")
    wrong: list[dict[str, Any]] = [{"database": "other"}, {"rows": {"docs": 9}}]
    for expect in wrong:
        refused = service.refused("restore", set=chosen, target="milvus", swap=True, expect=expect)
        assert refused == (409, "SCHEMA_MISMATCH")
        told = service.restore(chosen, swap=True, expect=expect, dry_run=True)
        assert [one["error_type"] for one in told["problems"]] == ["SCHEMA_MISMATCH"]
    assert held(pymilvus, "docs") == before
    service.restore(chosen, swap=True, drop_old=True, expect={"database": "default", "rows": {"docs": 10}})


def test_a_schedule_saves_it_its_sets_go_by_their_rule_and_all_is_counted(service: Service, pymilvus: Any) -> None:
    make_plain(pymilvus, "docs", 10)
    jobs = service.client.application.extensions["jobs"]
    body = {
        "name": "nightly",
        "kind": "milvus_backup",
        "when": "0 3 * * *",
        "retention": {"keep_last": 2},
        "request": {"target": "milvus", "collections": ["docs"]},
    }
    assert service.client.post(f"{BASE}/schedules", json=body).status_code == 201
    for _ in range(3):
        run = data_of(service.client.post(f"{BASE}/schedules/nightly/run", json={}), 202)
        *_, last = (job for job in jobs.follow(run["job_id"]) if job)
        assert last.state == "SUCCEEDED"
        jobs.scheduler.tick()
    jobs._maintenance._retire()
    (place,) = data_of(service.client.list(layout="milvus"))["backup_locations"]
    assert len(place["backups"]) == 2
    newest = {"backup_path": place["relative_path"], "timestamp": place["backups"][0]["timestamp"]}
    service.restore(newest, renames={"docs": "copy"})
    counted = FlaskClient(service.client.application).get("/metrics").text
    assert 'vector_rows_total{operation="milvus_backup"} 30.0' in counted
    assert 'vector_rows_total{operation="milvus_restore"} 10.0' in counted
    assert 'vector_operations_total{operation="milvus_backup",outcome="SUCCESS"} 3.0' in counted
