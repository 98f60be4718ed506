"""Random keys of all types with times to live: out, wiped, in, and logically equal."""

import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.redis_server import RedisServer, logical
from tests.integration.redis_store.conftest import Cache

TEXTS = st.binary(max_size=40) | st.integers(-(2**63), 2**63 - 1).map(lambda n: str(n).encode())
NAMES = st.binary(min_size=1, max_size=12)
SCORES = st.floats(allow_nan=False)
IDS = st.tuples(st.integers(1, 2**63), st.integers(0, 2**63))
VALUES = st.one_of(
    st.tuples(st.just("string"), TEXTS),
    st.tuples(st.just("list"), st.lists(TEXTS, min_size=1, max_size=12)),
    st.tuples(
        st.just("set"),
        st.sets(TEXTS, min_size=1, max_size=12) | st.sets(st.integers(-(2**40), 2**40), min_size=1, max_size=12),
    ),
    st.tuples(st.just("hash"), st.dictionaries(NAMES, TEXTS, min_size=1, max_size=12)),
    st.tuples(st.just("zset"), st.dictionaries(TEXTS, SCORES, min_size=1, max_size=12)),
    st.tuples(
        st.just("stream"), st.lists(st.tuples(IDS, st.dictionaries(NAMES, TEXTS, min_size=1, max_size=12)), max_size=5)
    ),
)
KEYS = st.dictionaries(NAMES, st.tuples(VALUES, st.none() | st.integers(60_000, 10**13)), max_size=12)


def put(client: Any, key: bytes, kind: str, value: Any) -> None:
    if kind == "string":
        client.set(key, value)
    elif kind == "list":
        client.rpush(key, *value)
    elif kind == "set":
        client.sadd(key, *value)
    elif kind == "hash":
        client.hset(key, mapping=value)
    elif kind == "zset":
        client.zadd(key, value)
    else:
        client.xgroup_create(key, "first", "$", mkstream=True)
        for (ms, sequence), fields in sorted(value, key=lambda one: one[0]):
            last = client.xinfo_stream(key)["last-generated-id"]
            name = f"{ms}-{sequence}"
            if tuple(map(int, last.split(b"-"))) < (ms, sequence):
                client.xadd(key, fields, id=name)
        client.xreadgroup("first", "consumer", {key: ">"}, count=2)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=KEYS)
def test_random_keys_come_back(cache: Cache, keys: dict[bytes, Any]) -> None:
    client = cache.server.client()
    client.flushall()
    for key, ((kind, value), ends_after) in keys.items():
        put(client, key, kind, value)
        if ends_after is not None:
            client.pexpireat(key, int(time.time() * 1000) + ends_after)
    before = logical(client)
    named = cache.backup(consistency="paused")
    client.flushdb()
    cache.restore(named)
    assert logical(client) == before
    assert cache.compare(named)["identical"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pattern=st.text("ab*?[]^-\\.", max_size=8), keys=st.lists(st.text("ab-^]\\.*", min_size=1, max_size=5), max_size=8)
)
def test_patterns_mean_what_the_server_says(servers: Callable[..., RedisServer], pattern: str, keys: list[str]) -> None:
    from data_pipeline.stores.redis.glob import compiled

    client = servers("valkey").client()
    client.mset(dict.fromkeys(keys or ["a"], 1))
    wanted = compiled(pattern)
    assert {key for key in client.scan_iter() if wanted.match(key)} == set(client.keys(pattern))
