"""Where stores are: their URLs, and what is told of them."""

import json
from typing import Any

import pytest

from common.errors import ExtraMissing, Forbidden, InvalidParams
from data_pipeline.engine import Engine
from data_pipeline.settings import Settings, SettingsError
from data_pipeline.store_targets import StoreTargets
from data_pipeline.stores import extras, registry, target_url
from data_pipeline.stores.store import Store

URLS = {
    "milvus+http://ann:p%40ss@db:19531?db=docs": ("milvus", "db", 19531, "ann", "p@ss", ""),
    "milvus+https://db": ("milvus", "db", 19530, None, None, ""),
    "milvus+lite:///var/lib/docs.db": ("milvus", "(file)", None, None, None, "/var/lib/docs.db"),
    "redis://:secret@127.0.0.1:6380/3": ("redis", "127.0.0.1", 6380, None, "secret", "3"),
    "rediss://cache": ("redis", "cache", 6379, None, None, ""),
    "neo4j://neo4j:secret@graph/movies": ("neo4j", "graph", 7687, "neo4j", "secret", "movies"),
    "bolt://[::1]:7688": ("neo4j", "::1", 7688, None, None, ""),
    "s3://key:a%2Fb@bucket/some/prefix?region=eu-1": (
        *("objects", "s3.amazonaws.com", None, "key", "a/b", "bucket/some/prefix"),
    ),
    "s3+http://minio:9000/bucket": ("objects", "minio", 9000, None, None, "bucket"),
}


@pytest.mark.parametrize("url", URLS)
def test_a_url_says_where_a_store_is(url: str) -> None:
    found = target_url.parse("name", url)
    assert (found.family, found.host, found.port, found.user, found.password, found.path) == URLS[url]
    told = json.dumps(found.public()) + repr(found)
    assert all(secret not in told for secret in ("secret", "p@ss", "a/b"))
    assert "/var/lib" not in json.dumps(found.public())


@pytest.mark.parametrize(
    "url",
    [
        *("redis://", "redis://host/zero", "redis://host/0?ssl=no", "redis://ho st/0", "redis://host:0/0"),
        *("redis://host:99999999/0", "redis://host/0#1", "milvus+http://host/path", "milvus+http://host?db="),
        *("milvus+lite://host/file", "milvus+lite:///", "s3://", "s3://Bucket", "s3+http://host", "s3+http://host/B"),
        *("neo4j://host/a/b", "redis://%ff:x@/0", f"redis://{'h' * 3000}/0", "redis://host\n/0", "mysql://host/x"),
    ],
)
def test_anything_else_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r".+") as caught:
        target_url.parse("name", url)
    assert len(url) < 16 or url not in str(caught.value)


def test_two_names_of_one_store_have_one_digest() -> None:
    one, two, other = (
        target_url.parse(name, url).digest
        for name, url in (("a", "redis://localhost/0"), ("b", "redis://u:p@127.0.0.1:6379/0"), ("c", "redis://[::1]/1"))
    )
    assert one == two != other


def named(**targets: str) -> Engine:
    return Engine.build(Settings.load({"TARGETS": json.dumps(targets)}))


def test_one_map_has_databases_and_stores() -> None:
    engine = named(main="postgresql://u:p@localhost/docs", cache="redis://localhost/0")
    assert list(engine.settings.targets) == ["main"]
    assert engine.store_target("cache", "redis").host == "localhost"
    for name, family in (("cache", "milvus"), ("main", "redis"), ("none", "redis")):
        with pytest.raises(InvalidParams):
            engine.store_target(name, family)
    for resolve in (engine.databases.resolve, engine.databases.named):
        with pytest.raises(InvalidParams) as caught:
            resolve("cache")
        assert caught.value.code == "target_of_a_store"


@pytest.mark.parametrize("entry", ["redis://localhost/x", {"url": "redis://localhost/0", "schema": "app"}])
def test_a_wrong_entry_stops_the_start_with_one_line(entry: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load({"TARGETS": json.dumps({"cache": entry})})
    assert "cache" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_the_api_may_name_is_held_to_the_allow_lists() -> None:
    stores = StoreTargets({}, (), frozenset({"cache.example.com"}), frozenset({"minio.example.com"}))
    assert stores.allowed("a", "redis://cache.example.com/0").host == "cache.example.com"
    assert stores.allowed("a", "redis://127.0.0.1/0").host == "127.0.0.1"
    assert stores.allowed("a", "s3+http://k:s@minio.example.com/bucket").path == "bucket"
    for url in ("redis://minio.example.com/0", "s3+http://k:s@cache.example.com/bucket", "milvus+lite:///etc/passwd"):
        with pytest.raises(Forbidden):
            stores.allowed("a", url)
    for url in ("s3+http://minio.example.com/bucket", "redis://host/x"):
        with pytest.raises(InvalidParams):
            stores.allowed("a", url)


def test_a_package_that_is_missing_is_named_with_what_installs_it() -> None:
    assert extras.needed("json.decoder", extra="redis").JSONDecoder is json.JSONDecoder
    with pytest.raises(ExtraMissing) as caught:
        extras.needed("no_such_package.of_ours", extra="redis")
    assert caught.value.status == 501
    assert "requirements-redis.txt" in caught.value.response
    assert "no_such_package" in caught.value.response
    assert caught.value.data["details"] == {"extra": "redis", "file": "requirements-redis.txt"}


def test_a_room_of_stores_is_a_store() -> None:
    assert all(isinstance(store, Store) and store.family == family for family, store in registry.known().items())
    with pytest.raises(InvalidParams):
        registry.of("of a later version")


def test_where_none_is_configured_the_refusal_does_not_end_in_an_empty_list() -> None:
    with pytest.raises(InvalidParams) as refused:
        StoreTargets({}).named("bucket", "objects")
    assert str(refused.value.response) == "未配置该 objects 目标,可用的目标: –"
