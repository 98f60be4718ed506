"""Servers that can't, or won't: each says so, and every database is as before."""

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from data_pipeline.stores.redis.reading import INTENT, LEASE
from data_pipeline.stores.redis.restoring.loading import Loading
from tests.integration.conftest import Client
from tests.integration.redis_server import IN_MEMORY, RedisServer, logical
from tests.integration.redis_store.conftest import Cache
from tests.integration.redis_store.test_redis import fill
from tests.live_server import PROJECT
from tests.support.answers import failure


def numbers(server: RedisServer) -> set[str]:
    return set(server.client().info("keyspace"))


@contextmanager
def running(directory: Path, *more: str, kind: Any = "valkey", password: str = "another-pw") -> Iterator[RedisServer]:
    """A server that no other test uses."""
    server = RedisServer(directory, kind, (*IN_MEMORY, *more), password).start()
    try:
        yield server
    finally:
        server.stop()


def test_what_can_not_be_meant_is_refused(valkey_cache: Cache) -> None:
    cache = valkey_cache
    named = cache.backup(consistency="paused")
    assert failure(cache.post("backup")) == (400, "MISSING_REQUIRED_PARAMS")
    wrongs: tuple[dict[str, Any], ...] = (
        {"databases": []},
        {"databases": [0, 0]},
        {"databases": [-1]},
        {"databases": "some"},
        {"consistency": "perfect"},
        {"keys": ""},
        {"target": "main"},
        {"target": cache.server.url()},
        {"users": "yes"},
        {"truncate": True},
    )
    for wrong in wrongs:
        assert failure(cache.post("backup", **{"target": "cache", **wrong})) == (400, "INVALID_PARAMS"), wrong
    wrongs = ({"keys": "a*"}, {"mode": "merge", "keep_old": True}, {"into": {"x": 1}}, {"on_conflict": "skip"})
    for wrong in wrongs:
        assert failure(cache.post("restore", set=named, target="cache", **wrong)) == (400, "INVALID_PARAMS"), wrong
    assert failure(cache.post("compare", set=named)) == (400, "INVALID_PARAMS")
    missing = {**named, "timestamp": "20250101_000000"}
    assert failure(cache.post("restore", set=missing, target="cache")) == (404, "RESOURCE_NOT_FOUND")


def test_a_server_that_is_down_or_refuses_the_login_is_told_apart(
    cache_of: Callable[..., Cache], tmp_path: Path
) -> None:
    with running(tmp_path / "redis") as server:
        cache = cache_of(server)
        fill(server)
        named = cache.backup(consistency="paused")
        server.client().config_set("requirepass", "changed")
        answers = [
            cache.post("backup", target="cache", consistency="paused"),
            cache.post("restore", set=named, target="cache"),
        ]
        assert [failure(one) for one in answers] == [(500, "DATABASE_ERROR")] * 2
        assert not any(one.get_json()["data"]["can_retry"] for one in answers)
    answer = cache.post("backup", target="cache", consistency="paused")
    assert failure(answer) == (500, "DATABASE_ERROR")
    assert answer.get_json()["data"]["can_retry"]


def test_a_cluster_is_refused(cache_of: Callable[..., Cache], tmp_path: Path) -> None:
    with running(tmp_path / "redis", "--cluster-enabled", "yes") as server:
        answer = cache_of(server).post("backup", target="cache", consistency="paused")
    assert failure(answer) == (501, "STORE_UNSUPPORTED")
    assert answer.get_json()["data"]["details"] == {"reason": "cluster"}


def test_without_a_server_for_snapshots_the_answer_says_what_to_do(
    make_client: Callable[..., Client], settings: Callable[..., dict[str, str]], servers: Callable[..., RedisServer]
) -> None:
    server = servers("valkey")
    client = make_client(**{**settings(cache=server), "REDIS_SERVER_BIN": "/nowhere/redis-server"})
    answer = Cache(server, client).post("backup", target="cache")
    assert failure(answer) == (501, "STORE_UNSUPPORTED")
    assert "REDIS_SERVER_BIN" in answer.get_json()["data"]["response"]


def test_a_user_who_may_not_replicate_learns_why_there_is_no_snapshot(
    make_client: Callable[..., Client], settings: Callable[..., dict[str, str]], servers: Callable[..., RedisServer]
) -> None:
    server = servers("valkey")
    admin = server.client()
    admin.acl_setuser(
        "backup", enabled=True, passwords=["+pw"], keys=["*"], categories=["+@all"], commands=["-psync", "-sync"]
    )
    targets = json.dumps({"cache": f"redis://backup:pw@127.0.0.1:{server.port}/0"})
    client = make_client(**{**settings(cache=server), "TARGETS": targets})
    answer = Cache(server, client).post("backup", target="cache")
    admin.acl_deluser("backup")
    assert failure(answer) == (501, "STORE_UNSUPPORTED")
    assert "PSYNC" in answer.get_json()["data"]["response"]


def test_a_replica_is_neither_paused_nor_restored_into(cache_of: Callable[..., Cache], tmp_path: Path) -> None:
    with running(tmp_path / "one") as primary, running(tmp_path / "two") as replica:
        fill(primary)
        cache = cache_of(primary, follower=replica)
        named = cache.backup(consistency="paused")
        follower = replica.client()
        follower.replicaof("127.0.0.1", primary.port)
        while follower.info("replication")["master_link_status"] != "up":
            time.sleep(0.05)
        answer = cache.post("backup", target="follower", consistency="paused")
        assert failure(answer) == (501, "STORE_UNSUPPORTED")
        assert failure(cache.post("restore", set=named, target="follower")) == (409, "SCHEMA_MISMATCH")
        data = cache.post("backup", target="follower").get_json()["data"]
        assert data["databases"]["0"]["keys"] == len(logical(primary.client())), "a snapshot of a replica is one"


def test_memory_is_looked_at_before_a_key_is_written(servers: Callable[..., RedisServer], cache_of: Any) -> None:
    cache = cache_of(servers("valkey"))
    client = cache.server.client()
    for n in range(200):
        client.set(f"key:{n}", "x" * 10_000)
    named = cache.backup(consistency="paused")
    used = client.info("memory")["used_memory"]
    client.config_set("maxmemory-policy", "allkeys-lru")
    client.config_set("maxmemory", used + 500_000)
    try:
        before = logical(client)
        assert failure(cache.post("restore", set=named, target="cache")) == (507, "STORAGE_FULL")
        told = cache.restore(named, dry_run=True)
        assert [one["error_type"] for one in told["problems"]] == ["STORAGE_FULL"]
        assert logical(client) == before
        assert client.info("stats")["evicted_keys"] == 0
    finally:
        client.config_set("maxmemory", 0)


def test_a_load_that_is_about_to_evict_live_keys_ends(
    cache_of: Callable[..., Cache], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data_pipeline.stores.redis.restoring.loading.RENEW_SECONDS", 0.0)
    with running(tmp_path / "redis") as server:
        cache, client = cache_of(server), server.client()
        for n in range(300):
            client.set(f"key:{n}", "x" * 10_000)
        named = cache.backup(consistency="paused")
        expect_written = Loading._expect_written

        def shrink(*arguments: Any) -> None:
            """Other clients need the memory meanwhile."""
            client.config_set("maxmemory", client.info("memory")["used_memory"] + 10_000)
            monkeypatch.setattr(Loading, "_expect_written", expect_written)

        monkeypatch.setattr(Loading, "_expect_written", shrink)
        monkeypatch.setattr("data_pipeline.stores.redis.reading.SCANNED", 50)
        monkeypatch.setattr("data_pipeline.stores.redis.restoring.loading.SCANNED", 50)
        before = logical(client)
        assert failure(cache.post("restore", set=named, target="cache")) == (507, "STORAGE_FULL")
        client.config_set("maxmemory", 0)
        assert logical(client) == before
        assert numbers(server) == {"db0"}


def test_keys_of_a_newer_server_are_refused_by_a_probe(
    servers: Callable[..., RedisServer], cache_of: Callable[..., Cache]
) -> None:
    newer, older = servers("valkey"), servers("redis")
    fill(newer)
    client = fill(older)
    client.set("number", 43)
    cache = cache_of(newer, older=older)
    named = cache.backup(consistency="paused")
    before = logical(client)
    answer = cache.post("restore", set=named, target="older")
    assert failure(answer) == (409, "SCHEMA_MISMATCH")
    assert answer.get_json()["data"]["details"] == {"version": 80}
    told = cache.post("restore", set=named, target="older", dry_run=True).get_json()["data"]
    assert [one["error_type"] for one in told["problems"]] == ["SCHEMA_MISMATCH"]
    assert logical(client) == before


def test_keys_of_an_older_server_go_into_a_newer_one(
    servers: Callable[..., RedisServer], cache_of: Callable[..., Cache]
) -> None:
    older, newer = servers("redis"), servers("valkey")
    before = logical(fill(older))
    cache = cache_of(older, newer=newer)
    named = cache.backup()
    assert cache.post("restore", set=named, target="newer").status_code == 200
    found = logical(newer.client())
    assert found.keys() == before.keys()
    assert all(found[key] == before[key] for key in found if key != b"user:1")


def test_a_flipped_byte_anywhere_is_found_before_a_key_is_written(valkey_cache: Cache, output_dir: Path) -> None:
    cache = valkey_cache
    client = fill(cache.server)
    named = cache.backup(consistency="paused", users=True)
    client.set("number", 43)
    before, chance = logical(client), random.Random(7)
    files = sorted(path for path in (output_dir / "vector_bak").iterdir() if named["timestamp"] in path.name)
    assert len(files) == 3
    for path in files:
        good = path.read_bytes()
        for place in chance.sample(range(len(good)), 12):
            path.write_bytes(good[:place] + bytes([good[place] ^ 1 << chance.randrange(8)]) + good[place + 1 :])
            assert failure(cache.post("restore", set=named, target="cache")) == (422, "INVALID_BACKUP")
        path.write_bytes(good[:-1])
        assert failure(cache.post("restore", set=named, target="cache")) == (422, "INVALID_BACKUP")
        path.write_bytes(good)
    assert logical(client) == before
    assert numbers(cache.server) == {"db0"}


def test_two_restores_of_one_database_are_one_and_a_refusal(
    valkey_cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = valkey_cache
    fill(cache.server)
    named = cache.backup(consistency="paused")
    reached, go_on = threading.Event(), threading.Event()
    load = Loading.load

    def wait(self: Loading, *arguments: Any) -> Any:
        reached.set()
        assert go_on.wait(30)
        return load(self, *arguments)

    monkeypatch.setattr(Loading, "load", wait)
    twin = Cache(cache.server, cache.client.twin())
    statuses: list[int] = []
    thread = threading.Thread(
        target=lambda: statuses.append(twin.post("restore", set=named, target="cache").status_code)
    )
    thread.start()
    assert reached.wait(30)
    assert failure(cache.post("restore", set=named, target="cache")) == (409, "OPERATION_IN_PROGRESS")
    go_on.set()
    thread.join()
    assert statuses == [200]


def test_keys_that_another_client_puts_into_the_scratch_number_stay(
    valkey_cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = valkey_cache
    client = fill(cache.server)
    named = cache.backup(consistency="paused")
    before = logical(client)
    expect_written = Loading._expect_written

    def and_another(self: Loading, *of_batch: Any) -> None:
        expect_written(self, *of_batch)
        cache.server.client(15).set("another", 1)

    monkeypatch.setattr(Loading, "_expect_written", and_another)
    assert failure(cache.post("restore", set=named, target="cache")) == (409, "SCHEMA_MISMATCH")
    assert logical(client) == before
    (other,) = numbers(cache.server) - {"db0"}
    assert cache.server.client(int(other[2:])).keys() == [b"another"]


def test_without_an_empty_number_nothing_is_begun(valkey_cache: Cache) -> None:
    cache = valkey_cache
    fill(cache.server)
    named = cache.backup(consistency="paused")
    for number in range(1, 16):
        cache.server.client(number).set("taken", number)
    assert failure(cache.post("restore", set=named, target="cache")) == (507, "STORAGE_FULL")
    assert all(cache.server.client(number).keys() == [b"taken"] for number in range(1, 16))


def test_a_function_that_does_not_compile_takes_the_restore_back(
    valkey_cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = valkey_cache
    client = fill(cache.server)
    good = "#!lua name=first\nredis.register_function('one', function(keys, args) return 1 end)"
    client.function_load(good)
    named = cache.backup(consistency="paused")
    client.function_flush("SYNC")
    client.set("number", 43)
    before = logical(client)
    monkeypatch.setattr(
        "data_pipeline.stores.redis.stored.texts",
        lambda *_: iter([(b"first", good.encode()), (b"second", b"#!lua name=second\nthis is no Lua")]),
    )
    answer = cache.post("restore", set=named, target="cache", functions=True)
    assert failure(answer) == (409, "SCHEMA_MISMATCH")
    assert logical(client) == before
    assert client.function_list() == []
    assert numbers(cache.server) == {"db0"}


def test_what_a_killed_restore_left_is_swept_by_the_next_one(valkey_cache: Cache) -> None:
    cache = valkey_cache
    client = fill(cache.server)
    before = logical(client)
    named = cache.backup(consistency="paused")
    intent = {"token": "t", "phase": "loading", "targets": [0], "keep": False}
    left = cache.server.client(15)
    left.set(INTENT, json.dumps(intent))
    left.set("half", "loaded")
    left.set(LEASE, "t", px=60_000)
    assert failure(cache.post("restore", set=named, target="cache")) == (409, "OPERATION_IN_PROGRESS")
    left.delete(LEASE)
    cache.restore(named)
    kept = cache.server.client(14)
    kept.set(INTENT, json.dumps({**intent, "phase": "switched", "keep": True}))
    kept.set("old", "data")
    cache.restore(named)
    assert kept.keys() == [b"old"], "what was to be kept is kept"
    kept.flushdb()
    assert logical(client) == before
    assert numbers(cache.server) == {"db0"}


def test_a_pause_ends_with_the_process_that_asked_for_it(valkey_cache: Cache) -> None:
    script = (
        "from data_pipeline.stores import target_url\n"
        "from data_pipeline.stores.redis.saving.consistency import Means, Pause\n"
        "from pathlib import Path\n"
        f"target = target_url.parse('cache', {valkey_cache.server.url()!r})\n"
        "pause = Pause(target, Means(Path('.'), None, 5.0, 60.0))\n"
        "pause.begin()\n"
        "print('paused', flush=True)\n"
        "input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "paused\n"
        process.kill()
    client = valkey_cache.server.client(socket_timeout=30)
    client.set("after", 1)
    assert client.get("after") == b"1"


def test_a_write_that_gets_through_a_pause_spoils_the_backup(
    valkey_cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = valkey_cache
    client = fill(cache.server)
    from data_pipeline.stores.redis.saving.consistency import Pause

    begin = Pause.begin

    def and_unpause(self: Pause) -> None:
        begin(self)
        client.client_unpause()
        client.set("written", 1)

    monkeypatch.setattr(Pause, "begin", and_unpause)
    answer = cache.post("backup", target="cache", consistency="paused")
    assert failure(answer) == (409, "LOCK_TIMEOUT")
    assert cache.client.list(layout="redis").get_json()["data"]["backup_locations"] == []


def test_a_snapshot_holds_what_writers_keep_equal(cache: Cache) -> None:
    """a + b stays 0 in transactions that go on meanwhile."""
    client = cache.server.client()
    client.mset({f"fill:{n}": "x" * 200 for n in range(3000)})
    over = threading.Event()

    def transfer() -> None:
        writer, n = cache.server.client(), 0
        while not over.is_set():
            n += 1
            writer.pipeline(transaction=True).set("a", n).set("b", -n).execute()

    thread = threading.Thread(target=transfer)
    thread.start()
    try:
        while not client.exists("a"):
            time.sleep(0.01)
        for consistency in ("snapshot", "paused"):
            named = cache.backup(consistency=consistency)
            cache.restore(named, into={"0": 5})
            copied = cache.server.client(5)
            assert int(copied.get("a")) + int(copied.get("b")) == 0
    finally:
        over.set()
        thread.join()
