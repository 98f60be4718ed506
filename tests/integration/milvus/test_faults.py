"""What goes wrong with a Milvus: a clear answer, and the live collection as it was."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import pytest

from common.errors import DatabaseError
from common.messages import say
from data_pipeline.api import BASE, PREFIX
from data_pipeline.stores.intents import Intent
from data_pipeline.stores.milvus import making, switch
from data_pipeline.stores.milvus.faults import of_status
from data_pipeline.stores.milvus.reader import Reader
from data_pipeline.stores.milvus.server import connected
from data_pipeline.stores.target_url import parse
from tests.integration.conftest import Client
from tests.integration.milvus.conftest import Service
from tests.integration.milvus.rows import held, make_plain, plain_row
from tests.live_server import PROJECT
from tools.milvus_server import MilvusServer


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Let something happen once, after the first rows of a collection were read."""

    def happen(act: Callable[[], object]) -> None:
        read, done = Reader.batches, list[bool]()

        def batches(reader: Reader) -> Iterator[Any]:
            for batch in read(reader):
                yield batch
                if not done:
                    done.append(True)
                    act()

        monkeypatch.setattr(Reader, "batches", batches)

    return happen


def test_a_collection_that_changes_is_an_error_that_says_what_was_seen(
    service: Service, pymilvus: Any, meanwhile: Any
) -> None:
    make_plain(pymilvus, "docs", 20)
    meanwhile(lambda: pymilvus.insert("docs", [plain_row(7000)]))
    status, data = service.call("backup", target="milvus")
    assert (status, data["error_type"], data["can_retry"]) == (409, "COLLECTION_CHANGED", True)
    assert (data["details"]["before"], data["details"]["after"]) == (20, 21)
    listed = service.client.list(layout="milvus").get_json()["data"]
    assert listed["summary"]["total_backup_sets"] == 0


def test_changes_may_be_allowed_and_are_told(service: Service, pymilvus: Any, meanwhile: Any) -> None:
    make_plain(pymilvus, "docs", 20)
    meanwhile(lambda: pymilvus.delete("docs", filter="id == 3"))
    made = service.done("backup", target="milvus", allow_changes=True)
    assert made["collections_backed_up"]["docs"]["changed"] is True
    assert any("docs" in warning for warning in made["warnings"])


def test_a_collection_that_is_dropped_meanwhile_is_named(service: Service, pymilvus: Any, meanwhile: Any) -> None:
    make_plain(pymilvus, "docs", 20)
    meanwhile(lambda: pymilvus.drop_collection("docs"))
    assert service.refused("backup", target="milvus") == (404, "RESOURCE_NOT_FOUND")


def test_names_and_aliases_that_are_taken(service: Service, pymilvus: Any) -> None:
    make_plain(pymilvus, "docs", 20)
    pymilvus.create_alias("docs", "current")
    chosen = service.backup()
    assert service.refused("restore", set=chosen, target="milvus") == (409, "RESOURCE_EXISTS")
    refused = service.refused("restore", set=chosen, target="milvus", renames={"docs": "current"})
    assert refused == (409, "RESOURCE_EXISTS")
    make_plain(pymilvus, "other", 1)
    pymilvus.alter_alias("other", "current")
    pymilvus.drop_collection("docs")
    assert service.refused("restore", set=chosen, target="milvus") == (409, "RESOURCE_EXISTS")
    assert pymilvus.list_collections() == ["other"]


def test_texts_of_65535_bytes_go_out_and_come_back(service: Service, pymilvus: Any) -> None:
    from pymilvus import DataType

    schema = pymilvus.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("v", DataType.FLOAT_VECTOR, dim=2)
    schema.add_field("text", DataType.VARCHAR, max_length=65535)
    pymilvus.create_collection("long", schema=schema)
    pymilvus.insert("long", [{"id": n, "v": [n, 1.0], "text": "深" * 21845} for n in range(100)])
    pymilvus.load_collection("long")
    before, chosen = held(pymilvus, "long"), service.backup()
    pymilvus.drop_collection("long")
    service.restore(chosen)
    assert held(pymilvus, "long") == before


def test_a_schema_that_has_drifted_takes_no_merge(service: Service, pymilvus: Any) -> None:
    make_plain(pymilvus, "docs", 5)
    chosen = service.backup()
    pymilvus.drop_collection("docs")
    pymilvus.create_collection("docs", dimension=4)
    status, data = service.call("restore", set=chosen, target="milvus", merge=True)
    assert (status, data["error_type"]) == (409, "SCHEMA_MISMATCH")
    assert any("text" in field for field in data["details"]["fields"])


@pytest.mark.parametrize("harm", ["cut", "flipped", "from elsewhere"])
def test_a_damaged_file_changes_nothing(service: Service, pymilvus: Any, output_dir: Path, harm: str) -> None:
    make_plain(pymilvus, "docs", 50)
    make_plain(pymilvus, "other", 60)
    chosen, before = service.backup(), held(pymilvus, "docs")
    (path,) = output_dir.glob("vector_bak/milvus_docs_*.parquet")
    content = path.read_bytes()
    if harm == "cut":
        path.write_bytes(content[:-100])
    elif harm == "flipped":
        path.write_bytes(content[:200] + bytes([content[200] ^ 1]) + content[201:])
    else:
        (other,) = output_dir.glob("vector_bak/milvus_other_*.parquet")
        path.write_bytes(other.read_bytes()[: len(content)].ljust(len(content), b"\0"))
    assert service.refused("restore", set=chosen, target="milvus", swap=True) == (422, "INVALID_BACKUP")
    verified = service.client.post(f"{PREFIX}/backups/global/{chosen['timestamp']}/verify")
    assert verified.status_code == 422
    assert sorted(pymilvus.list_collections()) == ["docs", "other"]
    assert held(pymilvus, "docs") == before


def test_a_server_that_is_gone_is_said_so_and_comes_back(
    service: Service, pymilvus: Any, milvus: MilvusServer, meanwhile: Any
) -> None:
    make_plain(pymilvus, "docs", 50)
    chosen, before = service.backup(), held(pymilvus, "docs")
    meanwhile(milvus.kill)
    assert service.refused("restore", set=chosen, target="milvus", swap=True) == (500, "DATABASE_ERROR")
    assert service.refused("backup", target="milvus") == (500, "DATABASE_ERROR")
    milvus.start()
    client = milvus.client()
    assert held(client, "docs") == before
    service.restore(chosen, swap=True, drop_old=True)  # settles what the one before has left
    assert client.list_collections() == ["docs"]
    client.close()


@pytest.mark.parametrize("failing", [1, 2, 4])
def test_a_rename_that_fails_leaves_the_old_rows_or_the_new(
    service: Service, pymilvus: Any, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    make_plain(pymilvus, "docs", 10)
    make_plain(pymilvus, "more", 10)
    chosen, before = service.backup(), held(pymilvus, "docs")
    for name in ("docs", "more"):
        pymilvus.delete(name, filter="id < 5")
    rename, calls = making.rename, list[str]()

    def sometimes(server: Any, old: str, new: str) -> None:
        calls.append(new)
        if len(calls) == failing:
            raise DatabaseError(say("milvus_timeout", step="RenameCollection"))
        rename(server, old, new)

    monkeypatch.setattr(making, "rename", sometimes)
    status, data = service.call("restore", set=chosen, target="milvus", swap=True, drop_old=True)
    assert sorted(pymilvus.list_collections()) == ["docs", "more"]
    if failing == 1:  # before anything has changed: all is as it was
        assert (status, data["details"]["collection"], data["details"]["in_place"]) == (500, "docs", [])
        assert len(held(pymilvus, "docs")) == len(held(pymilvus, "more")) == 5
    else:  # between the two renames of one: it is finished
        assert status == 200
        assert held(pymilvus, "docs") == held(pymilvus, "more") == before
    monkeypatch.setattr(making, "rename", rename)
    service.restore(chosen, swap=True, drop_old=True)  # nothing is locked


def test_a_wrong_token_is_refused(make_client: Callable[..., Client]) -> None:
    import grpc

    def refuse(_request: bytes, context: Any) -> bytes:
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "the password s3cret is wrong")
        return b""

    class Refusing(grpc.GenericRpcHandler):
        def service(self, _details: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(refuse)

    server = grpc.server(futures.ThreadPoolExecutor(1), handlers=(Refusing(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        client = make_client(TARGETS=json.dumps({"milvus": f"milvus+http://root:s3cret@127.0.0.1:{port}"}))
        answer = client.post(f"{BASE}/milvus/backup", data=json.dumps({"target": "milvus"}))
    finally:
        server.stop(None).wait()
    assert (answer.status_code, answer.get_json()["data"]["error_type"]) == (403, "PERMISSION_DENIED")
    assert "s3cret" not in answer.text


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (7, "", "STORAGE_FULL"),
        (1, "[Errno 28] No space left on device", "STORAGE_FULL"),
        (3, "", "SERVICE_UNAVAILABLE"),
        (100, "collection not found", "RESOURCE_NOT_FOUND"),
        (101, "", "SCHEMA_MISMATCH"),
        (1400, "", "PERMISSION_DENIED"),
        (65535, "collection docs already exists", "RESOURCE_EXISTS"),
        (65535, "row 'secret' is bad", "SCHEMA_MISMATCH"),
    ],
)
def test_a_servers_refusal_is_told_in_our_words(code: int, reason: str, kind: str) -> None:
    class Status:
        error_code = 0

    Status.code, Status.reason = code, reason  # type: ignore[attr-defined]
    found: Any = of_status(Status, "Insert", "docs")
    assert found.error_type == kind
    assert "secret" not in found.response


def intent(**more: Any) -> Intent:
    return Intent("abc", "milvus", "digest", "docs", "docs__restore", **more)


@pytest.mark.parametrize("there", ["loaded", "renamed away", "in place", "old one gone", "another's"])
def test_what_a_crash_left_is_finished_or_reverted(milvus: MilvusServer, pymilvus: Any, there: str) -> None:
    make_plain(pymilvus, "docs", 3)
    make_plain(pymilvus, "docs__restore", 5)
    if there != "another's":
        pymilvus.alter_collection_properties("docs__restore", {switch.MARK: "abc"})
    stage = "loading" if there in ("loaded", "another's") else "renaming"
    if there not in ("loaded", "another's"):
        pymilvus.rename_collection("docs", "docs__old")
    if there in ("in place", "old one gone"):
        pymilvus.rename_collection("docs__restore", "docs")
    if there == "old one gone":
        pymilvus.drop_collection("docs__old")
    with connected(parse("milvus", milvus.url)) as server:
        drop_old = there == "old one gone"
        outcome = switch.settle(server, intent(old="docs__old", stage=stage, drop_old=drop_old))
    rows = {name: len(held(pymilvus, name)) for name in sorted(pymilvus.list_collections())}
    expected: dict[str, tuple[str, dict[str, int]]] = {
        "loaded": ("reverted", {"docs": 3}),
        "renamed away": ("finished", {"docs": 5, "docs__old": 3}),
        "in place": ("finished", {"docs": 5, "docs__old": 3}),
        "old one gone": ("finished", {"docs": 5}),
        "another's": ("reverted", {"docs": 3, "docs__restore": 5}),
    }
    assert (outcome, rows) == expected[there]


def test_an_alias_that_was_being_moved_means_the_new_one(milvus: MilvusServer, pymilvus: Any) -> None:
    make_plain(pymilvus, "docs", 3)
    make_plain(pymilvus, "docs__restore", 5)
    pymilvus.create_alias("docs", "current")
    pymilvus.alter_collection_properties("docs__restore", {switch.MARK: "abc"})
    with connected(parse("milvus", milvus.url)) as server:
        assert switch.settle(server, intent(old="docs", aliases=("current",), stage="aliasing")) == "finished"
    assert len(held(pymilvus, "current")) == 5
    assert len(held(pymilvus, "docs")) == 3


def test_a_directory_that_a_killed_server_left_is_in_no_ones_way(service: Service, milvus: MilvusServer) -> None:
    """milvus-lite refuses a name whose directory is there, though no collection has it."""
    client = milvus.client()
    make_plain(client, "docs", 20)
    before, chosen = held(client, "docs"), service.backup()
    client.delete("docs", ids=[1, 2, 3])
    (there,) = milvus.data.rglob("docs")
    left = there.parent / "docs__restore"
    left.mkdir()
    service.restore(chosen, swap=True, drop_old=True)
    assert (held(client, "docs"), client.list_collections()) == (before, ["docs"])
    left.rmdir()


FORKS = """
import subprocess, sys, threading
from data_pipeline.stores.milvus import live
from data_pipeline.stores.milvus.server import connected
from data_pipeline.stores.target_url import parse

def ask():
    with connected(parse("milvus", sys.argv[1])) as server:
        while not done.is_set():
            live.names(server)

done = threading.Event()
threads = [threading.Thread(target=ask) for _ in range(4)]
for thread in threads:
    thread.start()
try:
    for _ in range(500):
        subprocess.run(["true"], check=True, preexec_fn=int)
finally:
    done.set()
    for thread in threads:
        thread.join()
"""


def test_a_child_that_is_forked_while_milvus_is_asked_gets_to_its_program(milvus: MilvusServer) -> None:
    """As the one does that starts the embedded PostgreSQL's server for root."""
    script = [sys.executable, "-c", FORKS, milvus.url]
    done = subprocess.run(script, capture_output=True, text=True, cwd=PROJECT, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
