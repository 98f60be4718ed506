"""Milvus, Redis, Neo4j and objects in the panel, alone and as a stack: real servers, and a Neo4j that is away.

Where `make neo4j` has fetched one, its graph is brought back too.
"""

import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import neo4j
import pytest
from playwright.sync_api import Page, expect

from data_pipeline.api import BASE
from tests.browser.accessibility import SCHEMES, half, keep_and_check
from tests.browser.conftest import Site
from tests.browser.steps import heading, press
from tests.integration.neo4j_store.conftest import graph_server as graph_server
from tests.integration.places import S3Server
from tests.integration.redis_server import RedisServer, program
from tests.integration.test_objects import Bucket
from tools.milvus_server import MilvusServer
from tools.neo4j_server import PASSWORD, Neo4jServer

DIMENSIONS = 4


@dataclass
class Stores:
    """The servers behind the site."""

    cache: RedisServer
    files: Bucket
    milvus: MilvusServer

    def refill(self) -> None:
        client = self.cache.client()
        client.flushall()
        client.mset({f"session:{n}": f"user {n}" for n in range(5)})
        client.rpush("queue", "a", "b")
        self.files.remove(*self.files.keys())
        self.files.put({"a.txt": (b"one", {}), "b.txt": (b"two", {"ContentType": "text/plain"})})

    def refill_vectors(self) -> None:
        vectors = self._vectors()
        for name in vectors.list_collections():
            vectors.drop_collection(name)
        vectors.create_collection("articles", dimension=DIMENSIONS)
        rows = [{"id": n, "vector": [float(n), 1.0, 0.0, 2.0], "text": f"text {n}"} for n in range(20)]
        vectors.insert("articles", rows)
        vectors.close()

    def articles(self) -> dict[int, str]:
        client = self._vectors()
        client.load_collection("articles")
        found = client.query("articles", filter="id >= 0", output_fields=["text"], limit=100)
        client.close()
        return {one["id"]: one["text"] for one in found}

    def damage_articles(self) -> None:
        client = self._vectors()
        client.delete("articles", ids=[1, 2, 3])
        client.close()

    def _vectors(self) -> Any:
        """A client. The server ends connections that have been idle, and a new one may still be given such a one."""
        from pymilvus.exceptions import MilvusException

        for _ in range(5):
            with suppress(MilvusException):
                client = self.milvus.client()
                client.list_collections()
                return client
        return self.milvus.client()


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    pytest.importorskip("milvus_lite")
    pytest.importorskip("pymilvus")
    directory = tmp_path_factory.mktemp("stores")
    objects = S3Server(directory / "s3.log")
    cache = RedisServer(directory / "cache", "valkey").start()
    milvus = MilvusServer(directory)
    yield Stores(cache, Bucket(objects, objects.new_bucket()), milvus)
    milvus.kill()
    cache.stop()
    objects.close()


@pytest.fixture(scope="module")
def graph(request: pytest.FixtureRequest) -> Neo4jServer:
    found: Neo4jServer = request.getfixturevalue("graph_server")
    return found


@pytest.fixture(scope="module")
def site(make_site: Callable[..., Any], stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Any:
    targets = {
        "cache": stores.cache.url(),
        "files": stores.files.url,
        "vectors": stores.milvus.url,
        "graph": "bolt://neo4j:secret@127.0.0.1:1",
    }
    site = make_site(
        TARGETS=json.dumps(targets),
        STACKS=json.dumps({"voice": {"sessions": "cache", "media": "files"}}),
        STORAGES=json.dumps({"archive": str(tmp_path_factory.mktemp("archive"))}),
        REDIS_SERVER_BIN=str(program("valkey")),
    )
    site.refill()
    stores.refill_vectors()
    return site


@pytest.fixture(autouse=True)
def refilled(site: Any, stores: Stores) -> None:
    stores.refill()


def back_up(visit: Any, name: str) -> Page:
    """The dialog of a backup of a store."""
    page: Page = visit.page
    visit.expected.add(500)  # Neo4j is away
    visit.open("#/stores")
    press(page, f"Back up {name}")
    return page


def saved(page: Page) -> None:
    """Begin the backup that the dialog asks for, and go on to its set."""
    page.get_by_role("dialog").get_by_role("button", name="Back up", exact=True).click()
    heading(page, "Succeeded")
    page.get_by_role("link", name="In local").click()
    heading(page, "Backup of")


def confirmed(page: Page, label: str, name: str) -> None:
    """What would be gone is confirmed by a name."""
    heading(page, "It would succeed")
    restore = page.get_by_role("button", name="Restore now")
    expect(restore).to_be_disabled()
    page.get_by_label(label).fill(name)
    restore.click()
    heading(page, "Succeeded")


def rehearsed(page: Page, *lines: str) -> None:
    press(page, "Check what would happen")
    heading(page, "It would succeed")
    for line in lines:
        expect(page.get_by_role("listitem").filter(has_text=line)).to_be_visible()


def test_stores_are_shown_with_whether_they_are_within_reach(site: Site, visit: Any) -> None:
    page = visit.page
    visit.expected.add(500)
    visit.open()
    page.get_by_role("link", name="Other stores").click()
    heading(page, "Other stores")

    def card(name: str) -> Any:
        return page.locator("section.card").filter(has=page.get_by_role("heading", name=name, exact=True))

    expect(card("cache")).to_contain_text("✓ works")
    expect(card("cache")).to_contain_text("6 keys")
    expect(card("vectors")).to_contain_text("✓ works")
    expect(card("files")).to_contain_text("✓ works")
    expect(card("graph")).to_contain_text("can't be used now")
    expect(card("graph").get_by_role("alert")).to_contain_text("DATABASE_ERROR")
    expect(card("graph").get_by_role("alert")).to_contain_text("Is the server up, and can the service reach it?")
    assert "secret" not in page.content()
    visit.expected.add(501)
    missing = {"error_type": "EXTRA_MISSING", "response": "this needs redis: pip install -r requirements-redis.txt"}
    page.route(
        "**/targets/cache/test", lambda route: route.fulfill(status=501, json={"success": False, "data": missing})
    )
    press(page, "Look again cache")
    expect(card("cache").get_by_role("alert")).to_contain_text("pip install -r requirements-redis.txt")
    expect(card("cache").get_by_role("alert")).to_contain_text("start the service again")
    page.unroute_all()
    press(page, "Back up graph")
    page.get_by_role("dialog").get_by_role("button", name="Back up", exact=True).click()
    heading(page, "Failed")
    expect(page.get_by_role("alert")).to_contain_text("DATABASE_ERROR")
    visit.open("#/status")
    expect(page.get_by_role("row").filter(has_text="redis://")).to_contain_text("works")


def test_keys_of_redis_go_out_are_damaged_compared_and_brought_back(site: Site, stores: Stores, visit: Any) -> None:
    page = back_up(visit, "cache")
    client = stores.cache.client()
    page.get_by_role("radio", name="Paused").check()
    saved(page)
    expect(page.get_by_text("one moment, while writers waited")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="list 1")).to_contain_text("string 5")
    client.delete("session:1", "queue")
    client.set("session:2", "changed")
    client.set("new", "1")
    page.get_by_role("link", name="Compare").last.click()
    page.get_by_role("main").get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="They differ")).to_be_visible()
    expect(page.get_by_role("row").nth(1).get_by_role("cell")).to_have_text(["2", "1", "3", "1"])
    page.go_back()
    page.go_back()
    page.get_by_role("link", name="Restore", exact=True).last.click()
    page.get_by_label("Keep what is replaced").check()
    rehearsed(
        page, "2 keys will be added; 3 are the same already", "1 live key will be overwritten", "1 key exists only"
    )
    expect(page.get_by_text("What is replaced stays in another database number.")).to_be_visible()
    page.get_by_role("link", name="Change the choices").click()
    expect(page.get_by_label("Keep what is replaced")).to_be_checked()
    page.get_by_role("radio", name="Merge").check()
    expect(page.get_by_label("Keep what is replaced")).not_to_be_visible()
    rehearsed(page, "1 key differs, and stay", "1 key exists only live, and stay")
    page.get_by_role("link", name="Change the choices").click()
    page.get_by_role("radio", name="Replace").check()
    press(page, "Check what would happen")
    confirmed(page, "Type the name of the target, cache", "cache")
    assert client.get("session:2") in (b"user 2", "user 2")
    assert client.dbsize() == 6
    visit.open("#/backups")
    page.get_by_role("row").filter(has_text="db0").first.get_by_role("rowheader").get_by_role("link").click()
    press(page, "Prove it now")
    heading(page, "Succeeded")
    expect(page.get_by_text("Proven")).to_be_visible()
    visit.expected.add(503)
    visit.open("")
    overview = page.locator(".database").filter(has=page.get_by_role("heading", name="Redis: cache"))
    expect(overview).to_contain_text("Last provenjust now")
    expect(page.get_by_text("The target graph can't be reached")).to_be_visible()


def test_collections_are_swapped_and_tables_move_there_and_back(site: Site, stores: Stores, visit: Any) -> None:
    stores.refill_vectors()
    page = back_up(visit, "vectors")
    before = stores.articles()
    saved(page)
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="articles"))
    expect(row).to_contain_text("20")
    set_ = page.url
    stores.damage_articles()
    page.get_by_role("link", name="Restore", exact=True).last.click()
    rehearsed(page, "articles: 20 rows will take the place of 17.")
    confirmed(page, "Type the name of the target, vectors", "vectors")
    expect(page.get_by_role("row").filter(has_text="Put in place")).to_contain_text("by rename")
    assert stores.articles() == before
    page.goto(set_)
    page.get_by_role("link", name="Compare").last.click()
    page.get_by_role("main").get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="They are the same")).to_be_visible()
    site.call("POST", "/targets", {"name": "main", "url": site.database.url}, prefix=BASE)
    page.goto(set_)
    page.get_by_role("link", name="Restore", exact=True).last.click()
    page.get_by_role("radio", name="Into PostgreSQL").check()
    page.get_by_label("Tables", exact=True).select_option("A table a collection, a column a field")
    page.get_by_text("More options").click()
    page.locator("[name='into.tables']").fill("articles = public.from_milvus")
    rehearsed(page, "public.from_milvus: 20 rows will be added.")
    expect(page.get_by_text("The names differ")).to_have_count(0)
    press(page, "Restore now")
    heading(page, "Succeeded")
    assert {row[0] for row in site.database.fetch("SELECT id FROM from_milvus")} == before.keys()
    site.database.execute("DROP TABLE from_milvus")
    site.call("DELETE", "/targets/main", prefix=BASE)
    set_of_tables = site.back_up(format="binary", collections=["notes"])
    visit.open(f"#/backups/local/global/{set_of_tables}")
    page.get_by_role("link", name="Restore into Milvus").click()
    page.get_by_role("radio", name="New: ").check()
    rehearsed(page, "notes: made, with 1 row.")
    press(page, "Restore now")
    heading(page, "Succeeded")
    visit.open(f"#/compare?a=local/global/{set_of_tables}&b=live&target=vectors")
    expect(page.get_by_role("heading", name="They are the same")).to_be_visible()


def test_a_graph_is_replaced_by_its_backup_and_compared(site: Site, graph: Neo4jServer, visit: Any) -> None:
    site.call("POST", "/targets", {"name": "people", "url": graph.url}, prefix=BASE)
    with (
        neo4j.GraphDatabase.driver(f"bolt://127.0.0.1:{graph.port}", auth=("neo4j", PASSWORD)) as driver,
        driver.session() as session,
    ):
        session.run("CREATE (:Person {id: 1})-[:KNOWS {since: date('2020-01-01')}]->(:Person {id: 2})").consume()
        page = back_up(visit, "people")
        saved(page)
        expect(page.get_by_role("row").filter(has_text="KNOWS")).to_contain_text("1")
        session.run("MATCH (n {id: 2}) DETACH DELETE n").consume()
        session.run("CREATE (:Person {id: 3})").consume()
        page.get_by_role("link", name="Compare").last.click()
        page.get_by_role("main").get_by_role("button", name="Compare").click()
        expect(page.get_by_role("heading", name="They differ")).to_be_visible()
        page.go_back()
        page.go_back()
        page.get_by_role("link", name="Restore", exact=True).last.click()
        rehearsed(page, "The 2 nodes and 0 relationships that are there will be gone.")
        confirmed(page, "Type the name of the target, people", "people")
        expect(page.get_by_text("KNOWS 1")).to_be_visible()
        (row,) = session.run("MATCH (a)-[:KNOWS]->(b) RETURN a.id, b.id").values()
        assert row == [1, 2]
    site.call("DELETE", "/targets/people", prefix=BASE)


def test_objects_are_mirrored_and_the_restore_is_undone(site: Site, stores: Stores, visit: Any) -> None:
    page = back_up(visit, "files")
    saved(page)
    expect(page.get_by_text("each part as it was when it was read")).to_be_visible()
    stores.files.put({"a.txt": (b"damaged", {}), "new.txt": (b"new", {})})
    stores.files.remove("b.txt")
    page.get_by_role("link", name="Restore", exact=True).last.click()
    page.get_by_role("radio", name="Mirror").check()
    rehearsed(
        page, "1 object will be added", "1 object will be overwritten (a.txt)", "1 object will be removed (new.txt)"
    )
    assert stores.files.keys() == {"a.txt", "new.txt"}
    confirmed(page, "Type the name of the target, files", "files")
    assert stores.files.keys() == {"a.txt", "b.txt"}
    press(page, "Undo this restore")
    confirmed(page, "Type the name of the target, files", "files")
    assert stores.files.keys() == {"a.txt", "new.txt"}


def test_a_stack_is_saved_verified_taken_along_brought_back_and_undone(
    site: Site, stores: Stores, visit: Any, tmp_path: Path
) -> None:
    page = visit.page
    visit.open()
    page.get_by_role("link", name="Stacks").click()
    heading(page, "Stacks")
    for role, store in (("media", "objects"), ("sessions", "Redis")):
        card = page.locator("section.card").filter(has=page.get_by_role("heading", name=role, exact=True))
        expect(card).to_contain_text(store)
        expect(card).to_contain_text("✓ works")
    press(page, "Back up all voice")
    page.get_by_role("dialog").get_by_role("button", name="Back up", exact=True).click()
    heading(page, "Stack: backup ✓ Succeeded")
    expect(page.get_by_role("row").filter(has_text="sessions")).to_contain_text("one moment")
    page.get_by_role("link", name="In local").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="Download"))
    row.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("dialog")).to_contain_text("Every byte of every member was read")
    press(page, "Close")
    row.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("dialog").get_by_role("listitem").filter(has_text="sessions")).to_contain_text("the same")
    press(page, "Close")
    row.get_by_role("button", name="Prove it now").click()
    told = page.get_by_role("dialog").get_by_role("listitem")
    expect(told.filter(has_text="sessions")).to_contain_text("proven by a restore")
    expect(told.filter(has_text="media").first).to_contain_text("can't be asked that")
    press(page, "Close")
    with page.expect_download() as loading:
        row.get_by_role("link", name="Download").click()
    kept = tmp_path / "stack.tar.gz"
    loading.value.save_as(kept)
    with tarfile.open(kept) as tar:
        assert [name for name in tar.getnames() if name.startswith("stack_voice_")]
    stores.cache.client().flushall()
    stores.files.remove("a.txt")
    row.get_by_role("link", name="Restore").click()
    heading(page, "Restore voice")
    rehearsed(page, "sessions: Database 0: 6 keys will be added", "media: 1 object will be added")
    page.get_by_role("link", name="Change the choices").click()
    heading(page, "Restore voice")
    press(page, "Check what would happen")
    heading(page, "It would succeed")
    press(page, "Restore now")
    heading(page, "Stack: restore ✓ Succeeded")
    assert stores.files.keys() == {"a.txt", "b.txt"}
    assert stores.cache.client().dbsize() == 6
    press(page, "Undo this restore")
    confirmed(page, "Type the name of the stack, voice", "voice")
    assert stores.cache.client().dbsize() == 0
    visit.open("#/stacks")
    newest = page.get_by_role("row").filter(has=page.get_by_role("link", name="Download"))
    stamp = newest.last.get_by_role("button", name="Delete").get_attribute("aria-label")
    count = newest.count()
    newest.last.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("textbox").fill(str(stamp).rpartition(" ")[2])
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(newest).to_have_count(count - 1)
    press(page, "Upload")
    page.get_by_label("File", exact=True).set_input_files(kept)
    page.get_by_role("dialog").get_by_role("button", name="Upload").click()
    expect(newest).to_have_count(count)
    page.get_by_role("link", name="Create a schedule").click()
    box = page.get_by_role("dialog", name="Create a schedule")
    expect(box.get_by_label("What is done")).to_have_value("stack_backup")
    box.get_by_label("Name").fill("all-of-it")
    expect(box.get_by_label("URL of the file")).not_to_be_visible()
    press(page, "Save")
    expect(page.get_by_role("row").filter(has_text="all-of-it")).to_contain_text("voice")


def test_a_store_is_backed_up_by_schedule(site: Site, visit: Any) -> None:
    page = visit.page
    visit.expected.add(500)
    visit.open("#/stores")
    card = page.locator("section.card").filter(has=page.get_by_role("heading", name="cache", exact=True))
    card.get_by_role("link", name="Create a schedule").click()
    box = page.get_by_role("dialog", name="Create a schedule")
    box.get_by_label("Name").fill("cache-hourly")
    box.get_by_role("radio", name="Paused").check()
    box.get_by_label("When").fill("hourly")
    press(page, "Save")
    expect(page.get_by_role("row").filter(has_text="cache-hourly")).to_contain_text("backup of a Redis")
    press(page, "Change cache-hourly")
    expect(box.get_by_role("radio", name="Paused")).to_have_count(0)
    changing = page.get_by_role("dialog", name="Change cache-hourly")
    expect(changing.get_by_role("radio", name="Paused")).to_be_checked()
    changing.get_by_label("What is done").select_option("backup")
    press(page, "Save")
    expect(page.get_by_role("row").filter(has_text="cache-hourly")).to_contain_text(site.database.dbname)
    press(page, "Run now cache-hourly")
    heading(page, "Backup")


@pytest.mark.parametrize(("scheme", "locale"), SCHEMES)
def test_pages_of_stores_are_open_to_all(site: Site, open_panel: Callable[..., Any], scheme: str, locale: str) -> None:
    visit = open_panel(site, None, color_scheme=scheme, locale=locale, bypass_csp=True)
    visit.expected.add(500)
    pages = {"stores": "#/stores", "stacks": "#/stacks"}
    for family, target in (("redis", "cache"), ("milvus", "vectors")):
        made = site.call("POST", f"/{family}/backup", {"target": target}, prefix=BASE)["backup_timestamp"]
        pages[f"restore-{family}"] = f"#/restore/local/global/{made}"
        pages[f"set-{family}"] = f"#/backups/local/global/{made}"
    for name in half(pages, scheme):
        visit.open(pages[name])
        expect(visit.page.locator(".waiting")).to_have_count(0)
        keep_and_check(visit.page, name, scheme)
