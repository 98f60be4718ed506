"""Databases of Redis out and back, over HTTP, on both kinds of servers."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from data_pipeline.api import BASE, PREFIX
from tests.integration.redis_server import RedisServer, logical
from tests.integration.redis_store.conftest import Cache
from tests.support.answers import data_of, failure

LIBRARY = "#!lua name=mylib\nredis.register_function('answer', function(keys, args) return 42 end)"
HOUR = 3_600_000


def fill(server: RedisServer, database: int = 0) -> Any:
    """Keys of every type, some with a time to live; a client of the database."""
    client = server.client(database)
    client.set("session:1", '{"user": "张"}', px=HOUR)
    client.set(b"\xff\x00binary", b"\x00\x01")
    client.set("empty", "")
    client.set("number", 42)
    client.rpush("queue", *range(300))
    client.sadd("tags", *range(600))
    client.hset("user:1", mapping={"name": "李", "n": 1})
    client.zadd("rate", {"a": 1.5, "b": float("-inf"), "c": -0.0, "d": 1e-300})
    client.pfadd("hll", *range(100))
    client.setbit("bits", 1000, 1)
    client.xadd("stream", {"a": 1})
    last = client.xadd("stream", {"a": 2})
    client.xadd("stream", {"b": 3})
    client.xdel("stream", last)
    client.xgroup_create("stream", "workers", "0")
    client.xreadgroup("workers", "first", {"stream": ">"}, count=1)
    return client


def rules_of(client: Any, user: str) -> dict[str, Any]:
    """Without the flag that an older server only shows of a user that was reset, whose default it is."""
    found: dict[str, Any] = client.acl_getuser(user)
    return {**found, "flags": set(found["flags"]) - {"sanitize-payload"}}


@pytest.mark.parametrize("consistency", ["snapshot", "paused", "live"])
def test_what_was_backed_up_comes_back_as_it_was(cache: Cache, consistency: str) -> None:
    client = fill(cache.server)
    before = logical(client)
    answer = data_of(cache.post("backup", target="cache", consistency=consistency))
    assert answer["consistency"] == consistency
    assert answer["databases"]["0"]["keys"] == len(before)
    assert ("paused_seconds" in answer) == (consistency == "paused")
    assert bool(answer["warnings"]) == (consistency == "live")
    named = {"backup_path": answer["backup_directory"], "timestamp": answer["backup_timestamp"]}
    client.flushdb()
    client.set("newer", 1)
    done = cache.restore(named)
    assert logical(client) == before
    assert done["databases"]["0"] == {"database": 0, "keys": len(before), "expired": 0}
    assert cache.compare(named)["identical"]
    assert client.info("keyspace").keys() == {"db0"}, "nothing is left in another number"


def test_a_set_is_listed_shown_verified_and_drilled(valkey_cache: Cache) -> None:
    cache = valkey_cache
    fill(cache.server)
    named = cache.backup()
    (location,) = data_of(cache.client.list(layout="redis"))["backup_locations"]
    (listed,) = location["backups"]
    assert listed["timestamp"] == named["timestamp"]
    assert [one["file"] for one in listed["tables"]] == [f"redis_0_{named['timestamp']}.jsonl.zst"]
    place = f"{PREFIX}/backups/global/{named['timestamp']}"
    assert data_of(cache.client.get(place))["manifest"]["layout"] == "redis"
    assert data_of(cache.client.post(f"{place}/verify"))["verified"]
    drilled = data_of(cache.client.post(f"{place}/drill"))
    assert drilled["proven"]
    assert drilled["tables"]["db0"]["rows"] == len(logical(cache.server.client()))
    assert drilled["server_version"].startswith("valkey ")


def test_a_dry_run_tells_what_would_change_and_changes_nothing(cache: Cache) -> None:
    client = fill(cache.server)
    named = cache.backup(consistency="paused")
    client.set("number", 43)
    client.delete("empty")
    client.set("newer", 1)
    client.persist("session:1")
    before = logical(client)
    told = cache.restore(named, dry_run=True)
    assert logical(client) == before
    database = told["databases"]["0"]
    assert database["samples"] == {
        "only_in_backup": ["empty"],
        "only_in_other": ["newer"],
        "different": database["samples"]["different"],
    }
    assert set(database["samples"]["different"]) == {"number", "session:1"}
    assert database["same"] == len(before) - 3
    assert told["problems"] == []
    assert not cache.compare(named)["identical"]


def test_a_merge_keeps_or_replaces_the_keys_that_are_there(cache: Cache) -> None:
    client = fill(cache.server)
    named = cache.backup(consistency="paused")
    client.set("number", 43)
    client.delete("empty")
    client.set("newer", 1)
    done = cache.restore(named, mode="merge")
    assert (done["keys_added"], client.get("number"), client.exists("empty", "newer")) == (1, b"43", 2)
    done = cache.restore(named, mode="merge", on_conflict="update", keys="n?mber")
    assert (done["keys_added"], done["keys_replaced"]) == (1, 1)
    assert (client.get("number"), client.get("newer")) == (b"42", b"1")


def test_a_pattern_limits_a_backup_which_then_only_merges(cache: Cache) -> None:
    client = fill(cache.server)
    named = cache.backup(consistency="paused", keys="session:*")
    assert failure(cache.post("restore", set=named, target="cache")) == (400, "INVALID_PARAMS")
    client.flushdb()
    cache.restore(named, mode="merge")
    assert client.keys() == [b"session:1"]


def test_the_old_database_may_be_kept(cache: Cache) -> None:
    client = fill(cache.server)
    named = cache.backup(consistency="paused")
    client.set("number", 43)
    before = logical(client)
    kept = cache.restore(named, keep_old=True)["databases"]["0"]["kept_as"]
    assert client.get("number") == b"42"
    assert logical(cache.server.client(kept)) == before


def test_all_databases_come_back_at_once_or_some_under_other_numbers(cache: Cache) -> None:
    clients = {number: fill(cache.server, number) for number in (0, 3)}
    clients[3].set("only", "three")
    before = {number: logical(client) for number, client in clients.items()}
    named = cache.backup(databases="all")
    for client in clients.values():
        client.flushdb()
    done = cache.restore(named)
    assert {number: logical(client) for number, client in clients.items()} == before
    assert set(done["databases"]) == {"0", "3"}
    cache.restore(named, databases=[3], into={"3": 7})
    assert logical(cache.server.client(7)) == before[3]
    assert failure(cache.post("restore", set=named, target="cache", databases=[4])) == (404, "RESOURCE_NOT_FOUND")
    assert failure(cache.post("restore", set=named, target="cache", into={"0": 3})) == (400, "INVALID_PARAMS")


def test_functions_and_users_come_back_where_they_are_asked_for(cache: Cache) -> None:
    client = cache.server.client()
    client.function_load(LIBRARY)
    client.acl_setuser("reader", enabled=True, passwords=["+pw"], keys=["session:*"], commands=["+get"])
    rules = rules_of(client, "reader")
    named = cache.backup(consistency="paused", users=True)
    client.function_flush("SYNC")
    client.acl_deluser("reader")
    assert cache.restore(named)["warnings"] != []
    assert client.function_list() == []
    cache.restore(named, functions=True, users=True)
    assert client.fcall("answer", 0) == 42
    assert rules_of(client, "reader") == rules
    client.acl_deluser("reader")


def backed_up_in_time(
    cache: Cache, make: Callable[[int], Any], there: Callable[[], Any], **body: Any
) -> dict[str, Any]:
    """A set of what lives for so many milliseconds, long enough on this machine to be in it."""
    for milliseconds in (400, 2000, 10_000, 50_000):
        make(milliseconds)
        named = cache.backup(**body)
        if there():
            return named
    raise AssertionError("it is always gone before the backup is done")


def test_times_to_live_are_times_and_keys_that_are_over_are_counted(cache: Cache) -> None:
    client = cache.server.client()
    client.set("later", 1, px=HOUR)
    end = client.pexpiretime("later")
    named = backed_up_in_time(
        cache, lambda after: client.set("soon", 1, px=after), lambda: client.exists("soon"), consistency="paused"
    )
    while client.exists("soon"):
        time.sleep(0.05)
    client.flushdb()
    done = cache.restore(named)["databases"]["0"]
    assert (done["keys"], done["expired"]) == (1, 1)
    assert client.pexpiretime("later") == end
    assert cache.compare(named)["databases"]["0"]["expired"] == 1


def test_a_merge_leaves_a_live_key_whose_copy_is_over(cache: Cache) -> None:
    client = cache.server.client()
    named = backed_up_in_time(
        cache, lambda after: client.set("soon", "old", px=after), lambda: client.exists("soon"), consistency="paused"
    )
    while client.exists("soon"):
        time.sleep(0.05)
    client.set("soon", "live")
    cache.restore(named, mode="merge", on_conflict="update")
    assert client.get("soon") == b"live"


def test_fields_that_expire_keep_their_times(
    servers: Callable[..., RedisServer], cache_of: Callable[..., Cache]
) -> None:
    cache = cache_of(servers("valkey"))
    client = cache.server.client()

    def make(after: int) -> None:
        client.hset("both", mapping={"stays": 1, "ends": 2, "later": 3})
        client.hset("all", "ends", 1)
        for key, field, end in (("both", "ends", after), ("both", "later", HOUR), ("all", "ends", after)):
            client.execute_command("HPEXPIRE", key, end, "FIELDS", 1, field)

    make(HOUR)
    before = logical(client)
    for consistency in ("snapshot", "live"):
        named = cache.backup(consistency=consistency)
        client.flushdb()
        cache.restore(named)
        assert logical(client) == before
    named = backed_up_in_time(cache, make, lambda: client.exists("all"), consistency="live")
    while client.exists("all"):
        time.sleep(0.05)
    assert cache.compare(named)["identical"], "what has expired is no difference"
    client.flushdb()
    cache.restore(named)
    assert set(client.hkeys("both")) == {b"stays", b"later"}
    client.execute_command("HPERSIST", "both", "FIELDS", 1, "later")
    assert cache.compare(named)["databases"]["0"]["different"] == 1


def test_two_sets_are_compared(cache: Cache) -> None:
    client = fill(cache.server)
    first = cache.backup(consistency="paused")
    second = cache.backup(consistency="paused")
    assert cache.compare(first, **{"with": second})["identical"]
    client.set("number", 43)
    client.set("newer", 1)
    third = cache.backup(consistency="paused")
    told = cache.compare(first, **{"with": third})["databases"]["0"]
    assert (told["different"], told["only_in_other"], told["only_in_backup"]) == (1, 1, 0)


def test_a_backup_runs_as_a_job(cache: Cache) -> None:
    fill(cache.server)
    job = data_of(cache.post("backup", target="cache", consistency="paused", **{"async": True}), 202)
    deadline = time.monotonic() + 30
    while (shown := data_of(cache.client.get(f"{PREFIX}/jobs/{job['job_id']}")))["state"] in ("PENDING", "RUNNING"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (shown["state"], shown["kind"], shown["target"]["name"]) == ("SUCCEEDED", "redis_backup", "cache")


def test_a_schedule_backs_up(cache: Cache) -> None:
    body = {
        "name": "cache-nightly",
        "kind": "redis_backup",
        "when": "0 3 * * *",
        "zone": "UTC",
        "request": {"target": "cache", "consistency": "paused"},
    }
    made = cache.client.post(f"{BASE}/schedules", json=body)
    assert made.status_code == 201, made.text
    assert cache.client.delete(f"{BASE}/schedules/cache-nightly").status_code == 200
