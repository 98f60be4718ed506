"""Object storage over a bad network: what is dropped is tried again, a wrong byte is found, nothing is half done."""

import errno
import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from common.errors import ServiceUnavailable
from data_pipeline.api import PREFIX
from data_pipeline.engine import Engine
from data_pipeline.settings import Settings
from data_pipeline.storage import lease
from data_pipeline.storage.s3 import bucket as buckets
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.places import KEY, BucketPlace
from tests.integration.relay import ALWAYS, Relay
from tests.support.answers import failure
from tests.support.names import COLLECTION, DOCS, EMBEDDING

ROOT = "./data_pipeline/training_data"
STAMP = "20250722_010318"
LOG = "vector_backup_log.txt"
REPLACE = {"truncate_before_restore": True}
MEGABYTE = 1 << 20


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many attempts as ever, with hardly a pause between them."""
    pauses = {"init_backoff": timedelta(milliseconds=10), "max_backoff": timedelta(milliseconds=50), "base": 2}
    monkeypatch.setitem(buckets.RETRIES, "backoff", pauses)


@pytest.fixture
def relay(bucket: BucketPlace) -> Iterator[Relay]:
    """The way to the bucket."""
    relay = Relay(bucket.server.port)
    yield relay
    relay.close()


@pytest.fixture
def client(make_client: Callable[..., Client], database: TestDatabase, bucket: BucketPlace, relay: Relay) -> Any:
    return make_client(DATABASE_URL=database.url, OUTPUT_DIRECTORY=bucket.through(relay.port).url)


@pytest.fixture
def large(database: TestDatabase, fill: Any) -> None:
    """Tables whose CSV takes two parts of an upload."""
    fill(database)
    database.execute(
        f"INSERT INTO {EMBEDDING} SELECT 'row ' || i, %s, '[1,2,3]', repeat(md5(i::text), 3000), NULL"
        " FROM generate_series(1, 200) i",
        (DOCS,),
    )


@pytest.fixture
def made(client: Client, large: None) -> dict[str, str]:
    """A set of them; the body that restores it."""
    done = client.backup().get_json()["data"]
    return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}


def listed(client: Client) -> list[str]:
    found = client.list().get_json()["data"]["backup_locations"]
    return [one["timestamp"] for location in found for one in location["backups"]]


def verified(client: Client, stamp: str) -> bool:
    answer = client.post(f"{PREFIX}/backups/global/{stamp}/verify").get_json()["data"]
    return bool(answer["verified"])


# Writing


def test_an_upload_that_is_cut_is_tried_again(client: Client, large: None, bucket: BucketPlace, relay: Relay) -> None:
    relay.cut("request", 5 * MEGABYTE, times=2)
    done = client.backup().get_json()["data"]
    assert relay.faults[0].times == 0
    assert verified(client, done["backup_timestamp"])
    assert bucket.uploads() == []


@pytest.mark.parametrize("body", [{}, {"truncate_vector_tables": True}], ids=["backup", "truncate"])
def test_an_upload_that_never_arrives_is_given_up_and_leaves_nothing(
    client: Client,
    database: TestDatabase,
    bits: Any,
    large: None,
    bucket: BucketPlace,
    relay: Relay,
    body: dict[str, Any],
) -> None:
    before = bits(database)
    relay.cut("request", 5 * MEGABYTE, ALWAYS)
    response = client.backup(**body)
    assert failure(response) == (503, "SERVICE_UNAVAILABLE")
    assert response.get_json()["data"]["can_retry"] is True
    assert relay.accepted < 30
    assert bucket.names() == {LOG}
    assert bucket.uploads() == []
    assert bits(database) == before


def test_a_byte_that_changed_on_its_way_there_is_found_before_any_row_is_removed(
    client: Client, database: TestDatabase, bits: Any, large: None, relay: Relay
) -> None:
    before = bits(database)
    relay.flip("request", 5 * MEGABYTE)
    assert failure(client.backup(truncate_vector_tables=True)) == (422, "INVALID_BACKUP")
    assert relay.faults[0].times == 0
    assert bits(database) == before


@pytest.mark.parametrize("what", [r".claim HTTP", "vector_backup_20"])
def test_an_answer_that_was_lost_is_no_failure(
    client: Client, database: TestDatabase, fill: Any, bucket: BucketPlace, relay: Relay, what: str
) -> None:
    """The claim and the manifest are put only if there is none; asked again, the store has one: our own."""
    fill(database)
    relay.lose_answer(what.encode())
    response = client.backup()
    assert relay.faults[0].times == 0
    assert response.status_code == 200
    stamp = response.get_json()["data"]["backup_timestamp"]
    assert listed(client) == [stamp]
    assert len(bucket.names()) == 4


def test_a_store_that_ignores_conditions_is_not_trusted(client: Client, bucket: BucketPlace, relay: Relay) -> None:
    relay.replace(b"if-none-match", b"if-nothing-else")
    response = client.backup()
    assert failure(response) == (501, "STORAGE_UNSUPPORTED")
    assert "If-None-Match" in response.get_json()["data"]["response"]
    assert listed(client) == []


# Reading


def test_a_stream_that_is_cut_goes_on_where_it_was(
    client: Client, database: TestDatabase, bits: Any, made: dict[str, str], relay: Relay
) -> None:
    before = bits(database)
    relay.cut("answer", 4 * MEGABYTE, times=3)
    assert client.restore(**made, **REPLACE).status_code == 200
    assert relay.faults[0].times == 0
    assert bits(database) == before


def test_a_stream_that_never_ends_well_is_given_up_and_nothing_is_lost(
    client: Client, database: TestDatabase, bits: Any, made: dict[str, str], relay: Relay
) -> None:
    before = bits(database)
    relay.cut("answer", MEGABYTE, ALWAYS)
    accepted = relay.accepted
    response = client.restore(**made, **REPLACE)
    assert failure(response) == (503, "SERVICE_UNAVAILABLE")
    assert response.get_json()["data"]["rolled_back"] is True
    assert relay.accepted - accepted < 60
    assert bits(database) == before


def test_a_store_that_falls_silent_is_asked_again(
    make_client: Callable[..., Client],
    database: TestDatabase,
    bits: Any,
    made: dict[str, str],
    bucket: BucketPlace,
    relay: Relay,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = bits(database)
    monkeypatch.setitem(buckets.TIMES, "read_timeout", "500ms")
    client = make_client(DATABASE_URL=database.url, OUTPUT_DIRECTORY=bucket.through(relay.port).url)
    relay.delay("answer", 4 * MEGABYTE, seconds=5)
    assert client.restore(**made, **REPLACE).status_code == 200
    assert relay.faults[0].times == 0
    assert bits(database) == before


def test_a_byte_that_changed_on_its_way_back_is_found(
    client: Client, database: TestDatabase, bits: Any, made: dict[str, str], relay: Relay
) -> None:
    before = bits(database)
    for act in (
        lambda: client.restore(**made, **REPLACE),
        lambda: client.post(f"{PREFIX}/backups/global/{made['timestamp']}/verify"),
    ):
        relay.flip("answer", 4 * MEGABYTE)
        assert failure(act()) == (422, "INVALID_BACKUP")
        assert relay.faults[-1].times == 0
    assert bits(database) == before
    assert client.restore(**made, **REPLACE).status_code == 200


# Out of reach


def test_a_store_out_of_reach_is_said_and_the_others_are_there(
    make_client: Callable[..., Client],
    database: TestDatabase,
    bucket: BucketPlace,
    relay: Relay,
    small_set: dict[str, str],
    output_dir: Any,
) -> None:
    relay.refusing = ALWAYS
    storages = json.dumps({"archive": bucket.through(relay.port).url})
    client = make_client(DATABASE_URL=database.url, OUTPUT_DIRECTORY=str(output_dir), STORAGES=storages)
    assert listed(client) == [small_set["timestamp"]]
    assert failure(client.list(storage="archive")) == (503, "SERVICE_UNAVAILABLE")
    data = client.list(storage="all").get_json()["data"]
    assert data["summary"]["unreachable_storages"] == ["archive"]
    assert [location["storage"] for location in data["backup_locations"]] == ["local"]
    away = make_client(DATABASE_URL=database.url, OUTPUT_DIRECTORY=bucket.through(relay.port).url)
    assert away.get("/readyz").get_json()["data"]["checks"] == {"database": True, "storage": False, "queue": True}


def test_a_bucket_that_is_not_there_is_said(
    make_client: Callable[..., Client], database: TestDatabase, bucket: BucketPlace
) -> None:
    url = bucket.url.replace(bucket.bucket, "no-such-bucket")
    client = make_client(DATABASE_URL=database.url, OUTPUT_DIRECTORY=url)
    for response in (client.list(), client.backup()):
        assert failure(response) == (500, "INTERNAL_ERROR")
        assert response.get_json()["data"]["response"] == "存储桶不存在"


# Writers that die, and writers that sleep


def test_a_backup_that_is_killed_is_not_listed_and_its_claim_is_swept_once_it_is_stale(
    client: Client,
    database: TestDatabase,
    fill: Any,
    bucket: BucketPlace,
    background: Any,
    start_server: Any,
    wait_for_lock: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(database)
    server = start_server(DATABASE_URL=database.url, OUTPUT_DIRECTORY=bucket.url)
    locker = database.connect()
    locker.cursor().execute(f"LOCK TABLE {EMBEDDING} IN ACCESS EXCLUSIVE MODE")
    address = server.address

    def call() -> None:
        with pytest.raises(requests.ConnectionError):
            requests.post(f"http://{address}{PREFIX}/backup", data="{}", timeout=60)

    running = background(call)
    wait_for_lock(database)
    server.process.send_signal(signal.SIGKILL)
    running.result()
    locker.rollback()
    (claim,) = bucket.names()
    assert re.fullmatch(r"\.vector_backup_\d{8}_\d{6}\.claim", claim)
    assert not any(secret in server.log for secret in (*KEY.values(), "some/prefix"))
    assert listed(client) == []
    done = client.backup().get_json()["data"]
    assert claim in bucket.names()  # it might be alive
    monkeypatch.setattr(lease, "STALE", timedelta(seconds=-5))
    following = client.backup().get_json()["data"]
    assert claim not in bucket.names()
    assert sorted(listed(client)) == sorted([done["backup_timestamp"], following["backup_timestamp"]])


@pytest.fixture
def storage(bucket: BucketPlace) -> Callable[[], tuple[Any, Any]]:
    """A storage of the bucket as one more process would have it, and its global location."""

    def make() -> tuple[Any, Any]:
        engine = Engine.build(Settings.load({"OUTPUT_DIRECTORY": bucket.url}))
        return engine.storages.main, engine.catalog.location(None)

    return make


def test_a_writer_that_slept_too_long_publishes_nothing(
    storage: Any, bucket: BucketPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sleeper, location), (other, _) = storage(), storage()
    with sleeper.draft(location, iter([STAMP])) as draft:
        with draft.create(f"{COLLECTION}_{STAMP}.csv") as file:
            file.write(b"uuid\n")
        monkeypatch.setattr(lease, "STALE", timedelta(seconds=-5))
        assert other.sweep(location) == [STAMP]
        with pytest.raises(ServiceUnavailable):
            draft.publish(b"{}")
    assert bucket.names() == set()


def test_a_writer_that_is_alive_keeps_its_claim(
    storage: Any, bucket: BucketPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.05)
    storage, location = storage()
    with storage.draft(location, iter([STAMP])) as draft:
        claim = f".vector_backup_{STAMP}.claim"
        seen = {bucket.read(claim)}
        while len(seen) < 3:
            seen.add(bucket.read(claim))
        assert storage.sweep(location) == []
        draft.publish(b"{}")
    assert bucket.names() == {f"vector_backup_{STAMP}.json"}


def test_a_lease_outlives_a_moment_without_a_free_descriptor(
    storage: Any, bucket: BucketPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [OSError(errno.EMFILE, "no descriptor") for _ in range(3)]
    replace = buckets.Bucket.replace

    def scarce(self: Any, *arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return replace(self, *arguments)

    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.05)
    storage, location = storage()
    with storage.draft(location, iter([STAMP])):
        monkeypatch.setattr(buckets.Bucket, "replace", scarce)
        claim = f".vector_backup_{STAMP}.claim"
        first = bucket.read(claim)
        deadline = time.monotonic() + 60
        while bucket.read(claim) == first:
            assert time.monotonic() < deadline


def test_a_set_stays_held_however_long_a_restore_reads_it(
    client: Client,
    made: dict[str, str],
    database: TestDatabase,
    second_database: TestDatabase,
    bucket: BucketPlace,
    make_client: Callable[..., Client],
    background: Any,
    wait_for_lock: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By a call as by a job, each of a set of its own, for longer than it takes a hold to go stale."""
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.3)
    monkeypatch.setattr(lease, "STALE", timedelta(seconds=2))
    client.backup()
    sets = [made["timestamp"], next(stamp for stamp in listed(client) if stamp != made["timestamp"])]
    holders = [one.connect() for one in (database, second_database)]
    for holder in holders:
        holder.cursor().execute(f"LOCK TABLE {EMBEDDING} IN ACCESS SHARE MODE")
    call = background(lambda: client.twin().restore(**made, **REPLACE))
    body = {**made, "timestamp": sets[1], "pg_conn": second_database.url, "async": True}
    job = client.restore(**body, **REPLACE).get_json()["data"]["links"]["self"]
    for one in (database, second_database):
        wait_for_lock(one)
    time.sleep(4)  # the store's clock counts whole seconds
    other = make_client(DATABASE_URL=database.url, OUTPUT_DIRECTORY=bucket.url)
    for timestamp in sets:
        path = f"{PREFIX}/backups/global/{timestamp}"
        assert failure(other.delete(path)) == (409, "OPERATION_IN_PROGRESS")
    for holder in holders:
        holder.rollback()
    assert call.result().status_code == 200
    while client.get(job).get_json()["data"]["state"] != "SUCCEEDED":
        time.sleep(0.05)


def test_a_hold_that_went_stale_keeps_nobody_from_removing_the_set(
    client: Client, made: dict[str, str], bucket: BucketPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.write(f".vector_backup_{made['timestamp']}.{'0' * 32}.hold", b"{}")
    path = f"{PREFIX}/backups/global/{made['timestamp']}"
    assert failure(client.delete(path)) == (409, "OPERATION_IN_PROGRESS")
    assert listed(client) == [made["timestamp"]]
    monkeypatch.setattr(lease, "STALE", timedelta(seconds=-5))
    assert client.delete(path).status_code == 200
    client.backup()
    assert not any(name.endswith(".hold") for name in bucket.names())


def test_a_set_that_is_being_removed_is_not_read(client: Client, made: dict[str, str], bucket: BucketPlace) -> None:
    bucket.write(f".vector_backup_{made['timestamp']}.removal", b"{}")
    assert failure(client.restore(**made)) == (409, "OPERATION_IN_PROGRESS")
    assert failure(client.delete(f"{PREFIX}/backups/global/{made['timestamp']}")) == (409, "OPERATION_IN_PROGRESS")
