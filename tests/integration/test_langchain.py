"""LangChain is the client: what it wrote comes back through a backup and a restore, found as before."""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_postgres import PGVector
from sqlalchemy import create_engine

from tests.conftest import TestDatabase
from tests.integration.conftest import Client

EMPTY_BOTH = "TRUNCATE langchain_pg_collection, langchain_pg_embedding"
MANUAL = [
    Document(
        id="refund",
        page_content='He said "refund within 14 days",\nthen hung up.\r\n',
        metadata={"source": 'calls, "2025"', "page": 3, "score": 0.1, "checked": True, "by": None},
    ),
    Document(id="语句", page_content="退款应在十四天内完成。", metadata={"language": "zh", "标签": ["退款", "客服"]}),
    Document(id="back\\slash", page_content="\\N and \\. and a tab\t", metadata={"nested": {"a": [1, 2.5, {"b": ""}]}}),
    Document(id="empty", page_content="", metadata={}),
]
NOTES = [
    Document(id=f"note {number}", page_content=f"note {number}: it's 😀", metadata={"number": number})
    for number in range(20)
]


class HashEmbeddings(Embeddings):
    """32 floats from a text's SHA-256: the same text gives the same vector, and no model is needed."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[byte / 255 - 0.5 for byte in hashlib.sha256(text.encode()).digest()] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


@pytest.fixture
def collection(database: TestDatabase) -> Iterator[Callable[[str], PGVector]]:
    """LangChain's store for the collection of this name, which it makes unless it is there."""
    engine = create_engine(database.url.replace("postgresql://", "postgresql+psycopg://"))

    def open_store(name: str) -> PGVector:
        described = {"description": f"集合 {name}"}
        return PGVector(HashEmbeddings(), connection=engine, collection_name=name, collection_metadata=described)

    yield open_store
    engine.dispose()


@pytest.fixture
def search(collection: Callable[[str], PGVector]) -> Callable[[], list[tuple[Document, float]]]:
    """All that similarity searches find in both collections: documents with metadata, nearest first, and scores."""

    def find() -> list[tuple[Document, float]]:
        queries = ["refund", "退款应在十四天内完成。", "note 7: it's 😀"]
        stores = [collection("manual"), collection("笔记")]
        return [
            found for store in stores for query in queries for found in store.similarity_search_with_score(query, k=100)
        ]

    return find


@pytest.fixture
def written(collection: Callable[[str], PGVector]) -> None:
    collection("manual").add_documents(MANUAL)
    collection("笔记").add_documents(NOTES)


def back_up(client: Client) -> dict[str, str]:
    """Make a backup; returns the body that restores it."""
    assert client.backup().status_code == 200
    (place,) = client.list().get_json()["data"]["backup_locations"]
    return {"backup_path": place["relative_path"], "timestamp": place["backups"][0]["timestamp"]}


@pytest.mark.usefixtures("written")
def test_langchain_finds_the_same_documents_and_scores_after_a_restore(
    client: Client, database: TestDatabase, search: Any
) -> None:
    before = search()
    assert len(before) == 3 * (len(MANUAL) + len(NOTES))
    body = back_up(client)
    database.execute(EMPTY_BOTH)
    assert search() == []
    database.execute(EMPTY_BOTH)  # the search has made its collections again, with other uuids
    assert client.restore(**body).status_code == 200
    assert search() == before


@pytest.mark.usefixtures("written")
def test_a_restored_document_is_the_one_that_was_added(client: Client, database: TestDatabase, collection: Any) -> None:
    body = back_up(client)
    database.execute(EMPTY_BOTH)
    assert client.restore(**body).status_code == 200
    for document in MANUAL:
        ((found, score), *_) = collection("manual").similarity_search_with_score(document.page_content, k=1)
        assert found == document
        assert score == pytest.approx(0, abs=1e-6)


@pytest.mark.usefixtures("written")
def test_a_replace_takes_back_what_langchain_changed_since(
    client: Client, collection: Any, search: Any, database: TestDatabase, bits: Any
) -> None:
    before, rows = search(), bits(database)
    body = back_up(client)
    collection("manual").add_documents([Document(id="refund", page_content="changed"), Document(page_content="new")])
    collection("manual").delete(ids=["语句"])
    collection("笔记").delete_collection()
    assert search() != before
    assert client.restore(**body, truncate_before_restore=True).status_code == 200
    assert search() == before
    assert bits(database) == rows


@pytest.mark.usefixtures("written")
def test_langchain_goes_on_writing_into_a_restored_collection(
    client: Client, database: TestDatabase, collection: Any
) -> None:
    body = back_up(client)
    database.execute(EMPTY_BOTH)
    assert client.restore(**body).status_code == 200
    store = collection("manual")
    store.add_documents([Document(id="refund", page_content="30 days", metadata={"language": "en"})])
    languages = {"language": {"$in": ["en", "zh"]}}
    assert {found.id for found in store.similarity_search("any", k=100, filter=languages)} == {"refund", "语句"}
    assert database.fetch("SELECT count(*) FROM langchain_pg_embedding") == [(len(MANUAL) + len(NOTES),)]


def fill_as_langchain_community(database: TestDatabase) -> None:
    """The rows that langchain_community's PGVector writes: a random uuid for the key, its own id in custom_id."""
    uuid = "aaaaaaaa-0000-4000-8000-000000000001"
    database.execute(
        "INSERT INTO langchain_pg_collection (name, cmetadata, uuid) VALUES (%s, %s, %s), ('无说明', NULL, %s)",
        ("manual", '{"b":  1, "a": "说明"}', uuid, uuid.replace("1", "2")),
    )
    for number, document in enumerate([*MANUAL, *NOTES]):
        vector = str(HashEmbeddings().embed_query(document.page_content))
        metadata = json.dumps(document.metadata, ensure_ascii=number % 2 == 0)
        database.execute(
            "INSERT INTO langchain_pg_embedding (collection_id, embedding, document, cmetadata, custom_id, uuid) "
            "VALUES (%s, %s, %s, %s, %s, %s)",
            (uuid, vector, document.page_content, metadata, document.id, f"bbbbbbbb-0000-4000-8000-{number:012}"),
        )
    # What older versions left: no id of its own, no metadata, no text, no collection.
    database.execute(
        "INSERT INTO langchain_pg_embedding (uuid, embedding) VALUES ('cccccccc-0000-4000-8000-000000000000', '[1]')"
    )


@pytest.mark.parametrize("replace", [False, True], ids=["append", "replace"])
def test_the_old_tables_come_back_to_the_bit(
    make_client: Callable[..., Client], old_database: TestDatabase, bits: Any, replace: bool
) -> None:
    client = make_client(DATABASE_URL=old_database.url)
    fill_as_langchain_community(old_database)
    before = bits(old_database)
    body = back_up(client)
    old_database.execute(EMPTY_BOTH)
    if replace:
        old_database.execute("INSERT INTO langchain_pg_collection (uuid) VALUES (gen_random_uuid())")
    answer = client.restore(**body, truncate_before_restore=replace)
    results = answer.get_json()["data"]["restore_results"]
    assert [result["rows_restored"] for result in results.values()] == [2, len(MANUAL) + len(NOTES) + 1]
    assert bits(old_database) == before


def test_one_collection_of_three_is_rolled_back_while_the_others_take_writes(
    client: Client, collection: Any, background: Any
) -> None:
    stores = {name: collection(name) for name in ("manual", "笔记", "faq")}
    stores["manual"].add_documents(MANUAL)
    stores["笔记"].add_documents(NOTES)
    body = back_up(client)
    stores["manual"].add_documents([Document(id="refund", page_content="changed by a bad load")])
    stores["manual"].delete(ids=["语句"])
    answers = []
    restoring = background(
        lambda: answers.append(
            client.twin().restore(**body, truncate_before_restore=True, collections=["manual"]).get_json()
        )
    )
    for number in range(30):
        for name in ("笔记", "faq"):
            stores[name].add_documents([Document(id=f"{name} meanwhile {number}", page_content=f"written {number}")])
    restoring.result()
    assert answers[0]["success"], answers
    found = {one.id: one for one in stores["manual"].similarity_search("any", k=100)}
    assert found == {one.id: one for one in MANUAL}
    assert len(stores["笔记"].similarity_search("any", k=100)) == len(NOTES) + 30
    assert len(stores["faq"].similarity_search("any", k=100)) == 30
    stores["manual"].add_documents([Document(id="after", page_content="goes on")])


@pytest.mark.usefixtures("written")
def test_a_recovered_copy_is_compared_with_the_live_collection_and_dropped(
    client: Client, collection: Any, database: TestDatabase, bits: Any
) -> None:
    body = back_up(client)
    live = collection("manual")
    live.delete(ids=["语句"])
    live.add_documents([Document(id="refund", page_content="changed")])
    before = bits(database)
    answer = client.restore(**body, collections=["manual"], collection_suffix="_recovered").get_json()["data"]
    assert answer["collections"] == ["manual_recovered"]
    copy = collection("manual_recovered")
    copied = {one.page_content for one in copy.similarity_search("any", k=100)}
    assert copied == {one.page_content for one in MANUAL}
    assert copied - {one.page_content for one in live.similarity_search("any", k=100)} == {
        MANUAL[0].page_content,
        MANUAL[1].page_content,
    }
    copy.delete_collection()
    assert bits(database) == before


@pytest.mark.usefixtures("written")
def test_yesterday_s_backup_is_merged_into_today_s_collections(client: Client, collection: Any) -> None:
    body = back_up(client)
    collection("manual").delete_collection()
    today = collection("manual")  # made anew, with another uuid
    today.add_documents(
        [Document(id="refund", page_content="today's text"), Document(id="new", page_content="only today")]
    )
    assert client.restore(**body, on_conflict="skip").status_code == 200
    found = {one.id: one.page_content for one in today.similarity_search("any", k=100)}
    assert found == {one.id: one.page_content for one in MANUAL} | {"refund": "today's text", "new": "only today"}
    assert client.restore(**body, on_conflict="update").status_code == 200
    assert today.similarity_search(MANUAL[0].page_content, k=1) == [MANUAL[0]]
    assert len(collection("笔记").similarity_search("any", k=100)) == len(NOTES)


def test_an_old_server_s_collections_are_found_on_a_new_one(
    client: Client, old_database: TestDatabase, collection: Any, database: TestDatabase
) -> None:
    fill_as_langchain_community(old_database)
    assert client.backup(pg_conn=old_database.url).status_code == 200
    (place,) = client.list().get_json()["data"]["backup_locations"]
    body = {"backup_path": place["relative_path"], "timestamp": place["backups"][0]["timestamp"]}
    answer = client.restore(**body).get_json()["data"]
    rows = len(MANUAL) + len(NOTES)
    assert f"langchain_pg_embedding: {rows} 行以 custom_id 作为 id" in answer["warnings"]
    for document in [*MANUAL, *NOTES]:
        assert collection("manual").similarity_search(document.page_content, k=1) == [document]
    english = collection("manual").similarity_search("any", k=100, filter={"page": 3})
    assert [one.id for one in english] == ["refund"]
