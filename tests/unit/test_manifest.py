"""What a manifest promises, and that nothing but the whole, unchanged document is believed."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from common.errors import InvalidBackup
from data_pipeline.sets import manifest
from tests.signed import signed
from tests.support.names import DOCS, EMBEDDING

STAMP = "20250722_010318"
NAME = f"vector_backup_{STAMP}.json"
COLLECTION_FILE = f"langchain_pg_collection_{STAMP}.csv"
EMBEDDING_FILE = f"langchain_pg_embedding_{STAMP}.csv"


def table_fact(file: str, *blocks: tuple[int, int]) -> dict[str, Any]:
    """A table's facts; a block is its bytes and its rows."""
    offsets = [sum(size for size, _ in blocks[:n]) for n in range(len(blocks))]
    return {
        "file": file,
        "format": "csv",
        "bytes": sum(size for size, _ in blocks),
        "rows": sum(rows for _, rows in blocks),
        "columns": [{"name": "uuid", "type": "uuid", "modifier": -1, "not_null": True}],
        "blocks": [
            {"offset": offset, "bytes": size, "rows": rows, "sha256": hashlib.sha256(bytes(size)).hexdigest()}
            for offset, (size, rows) in zip(offsets, blocks, strict=True)
        ],
        "indexes": [],
        "foreign_keys": [],
        "key": ["uuid"],
        "references": [],
    }


def facts() -> dict[str, Any]:
    return {
        "timestamp": STAMP,
        "created_at": "2025-07-22T01:03:18+08:00",
        "tool_version": "0.1.0",
        "server_version": "18.0",
        "pgvector_version": "0.8.5",
        "database": "docs",
        "layout": "langchain",
        "load_order": ["langchain_pg_collection", "langchain_pg_embedding"],
        "tables": {
            "langchain_pg_collection": table_fact(COLLECTION_FILE, (209, 4)),
            "langchain_pg_embedding": table_fact(EMBEDDING_FILE, (1000, 10), (500, 5)),
        },
        "collections": [{"uuid": DOCS, "name": "文档", "rows": 15, "dimensions": [3]}],
    }


def unsigned() -> dict[str, Any]:
    """A good document without its checksum."""
    document: dict[str, Any] = json.loads(manifest.dump(facts()))
    del document["sha256"]
    return document


def first_version() -> dict[str, Any]:
    """The same as the first version of the format had it."""
    document = unsigned()
    document["format_version"] = 1
    del document["layout"], document["load_order"]
    for fact in document["tables"].values():
        del fact["key"], fact["references"]
    return document


def expect_damaged(data: bytes) -> None:
    with pytest.raises(InvalidBackup, match=f"^清单文件已损坏: {NAME}(,键 .* 的值无效)?$"):
        manifest.load_tables(data, NAME, STAMP)


def test_what_is_written_is_read_back() -> None:
    found = manifest.load_tables(manifest.dump(facts()), NAME, STAMP)
    assert found.timestamp == STAMP
    assert found.tables["langchain_pg_embedding"].rows == 15
    assert [block.offset for block in found.tables["langchain_pg_embedding"].blocks] == [0, 1000]
    assert found.collections[0].name == "文档"


def test_its_checksum_is_that_of_the_document_without_it() -> None:
    assert json.loads(signed(unsigned())) == json.loads(manifest.dump(facts()))


def test_chinese_stays_readable() -> None:
    assert "文档".encode() in manifest.dump(facts())


def test_spaces_and_the_order_of_keys_mean_nothing() -> None:
    document = json.loads(manifest.dump(facts()))
    shuffled = dict(reversed(document.items()))
    assert manifest.load_tables(json.dumps(shuffled, indent=8).encode(), NAME, STAMP).timestamp == STAMP


def test_a_flipped_bit_is_noticed_wherever_it_is() -> None:
    data = manifest.dump(facts())
    for place in range(len(data)):
        expect_damaged(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])


def test_a_manifest_cut_short_is_noticed_wherever_it_ends() -> None:
    data = manifest.dump(facts())
    for end in range(len(data)):
        expect_damaged(data[:end])


@pytest.mark.parametrize(
    "data",
    [b"", b"null", b"[]", b"{}", b"<html>404</html>", b"\xff\xfe", b"[" * 100_000, b'{"sha256": "x"}', b'{"a": NaN}'],
    ids=["nothing", "null", "an array", "an empty object", "a page", "no UTF-8", "deep", "a stub", "NaN"],
)
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    expect_damaged(data)


def change(place: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """A change of one value of the document, at `a.b.0.c`."""

    def apply(document: dict[str, Any]) -> None:
        *path, last = [int(part) if part.isdigit() else part for part in place.split(".")]
        found: Any = document
        for part in path:
            found = found[part]
        found[last] = value

    return apply


BLOCKS = "tables.langchain_pg_embedding.blocks"
REFERENCES = "tables.langchain_pg_embedding.references"
LEADS_BACK = {"columns": ["uuid"], "table": "langchain_pg_collection", "referenced_columns": ["uuid"]}
WRONG = {
    "no version": change("format_version", 0),
    "a version as text": change("format_version", "2"),
    "a version that no number can be": change("format_version", 10**40),
    "an index that lacks what it is": change("tables.langchain_pg_collection.indexes", [{"sql": "DROP TABLE x"}]),
    "an order that misses a table": change("load_order", ["langchain_pg_embedding"]),
    "an order with a table twice": change("load_order", ["langchain_pg_embedding"] * 2),
    "no layout": change("layout", None),
    "a key of no column": change("tables.langchain_pg_embedding.key", ["id"]),
    "a reference to no table": change(REFERENCES, [{**LEADS_BACK, "table": "pg_class"}]),
    "a reference to no column": change(REFERENCES, [{**LEADS_BACK, "referenced_columns": ["oid"]}]),
    "a reference by no column": change(REFERENCES, [{**LEADS_BACK, "columns": ["oid"]}]),
    "a reference by nothing": change(REFERENCES, [{**LEADS_BACK, "columns": [], "referenced_columns": []}]),
    "a reference that doesn't pair": change(REFERENCES, [{**LEADS_BACK, "columns": ["uuid", "uuid"]}]),
    "a number as text": change("tables.langchain_pg_embedding.rows", "15"),
    "a negative size": change(f"{BLOCKS}.0.bytes", -1),
    "a gap between blocks": change(f"{BLOCKS}.1.offset", 1001),
    "blocks that overlap": change(f"{BLOCKS}.1.offset", 999),
    "blocks without a beginning": change(f"{BLOCKS}.0.offset", 1),
    "blocks that end early": change("tables.langchain_pg_embedding.bytes", 1501),
    "blocks that miss a row": change("tables.langchain_pg_embedding.rows", 16),
    "no blocks": change(BLOCKS, []),
    "a checksum that is none": change(f"{BLOCKS}.0.sha256", "0"),
    "another format": change("tables.langchain_pg_embedding.format", "parquet"),
    "another set's timestamp": change("timestamp", "20250722_010319"),
    "tables as a list": change("tables", []),
}


@pytest.mark.parametrize("apply", WRONG.values(), ids=WRONG)
def test_a_wrong_promise_is_refused_though_its_checksum_fits(apply: Callable[[dict[str, Any]], None]) -> None:
    document = unsigned()
    apply(document)
    expect_damaged(signed(document))


@pytest.mark.parametrize("key", sorted(unsigned()))
def test_a_manifest_that_misses_a_part_is_refused(key: str) -> None:
    document = unsigned()
    del document[key]
    expect_damaged(signed(document))


def test_what_does_not_fit_itself_is_not_written() -> None:
    wrong = facts()
    wrong["tables"]["langchain_pg_embedding"]["rows"] += 1
    with pytest.raises(ValueError, match="blocks do not add up"):
        manifest.dump(wrong)


def test_it_vouches_for_the_files_it_names_and_their_size() -> None:
    found = manifest.load_tables(manifest.dump(facts()), NAME, STAMP)
    manifest.expect_file(found, "langchain_pg_embedding", EMBEDDING_FILE, 1500)
    with pytest.raises(InvalidBackup, match="文件大小与清单不符"):
        manifest.expect_file(found, "langchain_pg_embedding", EMBEDDING_FILE, 1499)
    with pytest.raises(InvalidBackup, match="清单中没有该文件"):
        manifest.expect_file(found, "langchain_pg_embedding", COLLECTION_FILE, 209)


def test_a_table_it_does_not_name_is_not_vouched_for() -> None:
    document = first_version()
    del document["tables"]["langchain_pg_embedding"]
    found = manifest.load_tables(signed(document), NAME, STAMP)
    with pytest.raises(InvalidBackup, match="清单中没有该文件"):
        manifest.expect_file(found, "langchain_pg_embedding", EMBEDDING_FILE, 1500)


def test_the_first_version_is_read_for_ever() -> None:
    found = manifest.load_tables(signed(first_version()), NAME, STAMP)
    assert (found.format_version, found.layout, found.load_order) == (1, None, None)
    assert {fact.key for fact in found.tables.values()} == {None}


def test_what_is_written_is_the_second_version_and_names_its_layout() -> None:
    found = manifest.load_tables(manifest.dump(facts()), NAME, STAMP)
    assert (found.format_version, found.layout) == (2, "langchain")
    assert found.load_order == ["langchain_pg_collection", "langchain_pg_embedding"]


@pytest.mark.parametrize("part", ["layout", "load_order", f"{BLOCKS[:-7]}.key", REFERENCES])
def test_the_second_version_has_all_that_it_adds(part: str) -> None:
    document = unsigned()
    *path, last = part.split(".")
    found: Any = document
    for key in path:
        found = found[key]
    del found[last]
    expect_damaged(signed(document))


@pytest.mark.parametrize("document", [unsigned(), first_version()], ids=["version 2", "version 1"])
def test_keys_that_nothing_here_knows_are_left_alone(document: dict[str, Any]) -> None:
    known = manifest.load_tables(signed(document), NAME, STAMP)
    document["run_this"] = "DROP TABLE langchain_pg_embedding"
    document["tables"]["langchain_pg_embedding"]["colour"] = {"deep": [1, {"er": None}]}
    document["tables"]["langchain_pg_embedding"]["blocks"][0]["shape"] = 7
    found = manifest.load_tables(signed(document), NAME, STAMP)
    assert found.model_copy(update={"sha256": known.sha256}) == known


def test_compressed_blocks_say_what_they_decompress_to() -> None:
    document = unsigned()
    fact = document["tables"]["langchain_pg_embedding"]
    fact["compression"] = "zstd"
    for block, raw in zip(fact["blocks"], (4000, 1500), strict=True):
        block["raw_bytes"] = raw
    found = manifest.load_tables(signed(document), NAME, STAMP).tables
    assert {name: (one.bytes, one.raw_bytes) for name, one in found.items()} == {
        "langchain_pg_collection": (209, 209),
        "langchain_pg_embedding": (1500, 5500),
    }
    for key, value in (("compression", "none"), ("compression", "lz4"), ("compression", None)):
        expect_damaged(signed({**document, "tables": {**document["tables"], EMBEDDING: {**fact, key: value}}}))
    wrong: tuple[Any, ...] = (None, -1, 1.5, "7", 1 << 31)
    for value in wrong:
        fact["blocks"][1]["raw_bytes"] = value
        expect_damaged(signed(document))


def test_a_key_that_nothing_here_knows_is_still_part_of_the_checksum() -> None:
    document = json.loads(signed({**unsigned(), "more": 1}))
    document["more"] = 2
    expect_damaged(json.dumps(document).encode())


def test_a_newer_version_is_refused_as_such() -> None:
    for document in ({**unsigned(), "format_version": 3}, {"format_version": 3}):
        with pytest.raises(InvalidBackup, match=f"^清单 {NAME} 的格式版本 3 比本服务支持的 2 新") as refused:
            manifest.load_tables(signed(document), NAME, STAMP)
        assert refused.value.data["details"]["format_version"] == 3


def test_a_layout_that_nothing_here_knows_is_refused_as_such() -> None:
    with pytest.raises(InvalidBackup, match=f"^清单 {NAME} 的布局 a\\?layout 不受本服务支持"):
        manifest.load_tables(signed({**unsigned(), "layout": "a layout"}), NAME, STAMP)
