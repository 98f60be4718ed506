"""A manifest from outside: every value of it is looked at when it is read, and none of them undoes a restore."""

import copy
import io
import json
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from data_pipeline.api import PREFIX
from data_pipeline.operations.restore import search_check
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.signed import signed
from tests.support.names import DOCS

OTHER = "20250722_010319"
HALF = "\ud800"
TEXTS = ["no such thing", "expression", "[1e999,1,1]", "", "\0", f"a{HALF}", "x" * 300]
NUMBERS = [-1, 0, 1 << 31, 1 << 63, 10**400, 1e999, -1e999, float("nan"), 0.5]
OTHERS = [None, True, [], [HALF], {HALF: "\0"}]
ALL = len(TEXTS) + len(NUMBERS) + len(OTHERS)
SHARE = 12
"""Every twelfth place of a manifest, with one value that may stand there and one that may not, is tried every day."""

INDEX = "CREATE INDEX nearest ON langchain_pg_embedding USING hnsw ((embedding::vector(3)) vector_l2_ops) WITH (m = 8)"

Way = tuple[str | int, ...]
"""Keys and positions, from the document to a value in it."""


def ways(found: Any, way: Way = ()) -> Iterator[Way]:
    """To each value of a document; of a list the first two are enough."""
    inside = found.items() if isinstance(found, dict) else enumerate(found[:2]) if isinstance(found, list) else ()
    for key, value in inside:
        yield (*way, key)
        yield from ways(value, (*way, key))


def at(document: Any, way: Way) -> Any:
    for key in way:
        document = document[key]
    return document


def changed(document: dict[str, Any], way: Way, value: Any) -> dict[str, Any]:
    result = copy.deepcopy(document)
    at(result, way[:-1])[way[-1]] = value
    return result


def packed(files: dict[str, bytes]) -> bytes:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return body.getvalue()


class Foreign:
    """A set with probes, an index and a choice of collections, whose manifest is written anew."""

    def __init__(self, client: Client, directory: Path) -> None:
        done = client.backup(probes=2, collections=["docs"]).get_json()["data"]
        self.named = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}
        self.stamp: str = done["backup_timestamp"]
        self.path = directory / f"vector_backup_{self.stamp}.json"
        self.document: dict[str, Any] = json.loads(self.path.read_bytes())
        self.files = {path.name: path.read_bytes() for path in directory.glob(f"langchain_*_{self.stamp}.csv")}

    def archive(self, manifest: bytes) -> bytes:
        """As a set of another time, which isn't there."""
        files = {**self.files, self.path.name: manifest}
        return packed({name.replace(self.stamp, OTHER): data for name, data in files.items()})


@pytest.fixture
def foreign(client: Client, database: TestDatabase, fill: Any, backups: Any) -> Foreign:
    rows = [(f"row {n}", DOCS, f"[{n},1,0.5]", "text", "{}") for n in range(1, 6)]
    fill(database, rows)
    database.execute(INDEX)
    return Foreign(client, backups.directory())


@pytest.fixture
def uses(client: Client, foreign: Foreign) -> dict[str, Callable[[], Any]]:
    """Every reader of a manifest."""
    path = f"{PREFIX}/backups/global/{foreign.stamp}"
    return {
        "show": lambda: client.get(path),
        "verify": lambda: client.post(f"{path}/verify"),
        "compare": lambda: client.post(f"{PREFIX}/compare", data=json.dumps(foreign.named)),
        "compare two": lambda: client.post(
            f"{PREFIX}/compare", data=json.dumps({**foreign.named, "with": foreign.named})
        ),
        "dry run": lambda: client.restore(**foreign.named, dry_run=True, create_tables=True),
        "restore": lambda: client.restore(**foreign.named, on_conflict="update"),
        "replace": lambda: client.restore(**foreign.named, truncate_before_restore=True, create_tables=True),
    }


def hostile(document: dict[str, Any], step: int) -> Iterator[tuple[Way, list[bytes]]]:
    """For each step-th value of a manifest, manifests that fit their checksum where it alone is another."""
    for way in islice(ways(document), 0, None, step):
        simple = not isinstance(at(document, way), dict | list)
        yield way, [signed(changed(document, way, one)) for one in ([*TEXTS, *NUMBERS, *OTHERS] if simple else OTHERS)]


@pytest.mark.parametrize(
    ("step", "each"), [(SHARE, 1), pytest.param(1, ALL, marks=pytest.mark.slow)], ids=["a share", "all"]
)
@pytest.mark.parametrize("part", ["tables", "the rest"])
def test_no_value_of_a_manifest_makes_a_failure_of_ours(
    foreign: Foreign,
    uses: dict[str, Callable[[], Any]],
    bits: Any,
    database: TestDatabase,
    part: str,
    step: int,
    each: int,
) -> None:
    """What is refused is refused at the door, by all; what is not refused never fails after the commit."""
    faults = []
    before = bits(database)
    for way, manifests in hostile(foreign.document, step):
        if (way[0] == "tables") is not (part == "tables"):
            continue
        tried = Counter[bool]()
        for manifest in manifests:
            foreign.path.write_bytes(manifest)
            shown = uses["show"]()
            refused = shown.status_code == 422
            if shown.status_code not in (200, 422):
                faults.append(f"{way}: show answers {shown.text}")
            tried[refused] += 1
            if tried[refused] > each:
                continue
            for name in ("verify", "compare") if refused else uses:
                answer = uses[name]()
                earlier, before = before, bits(database)
                if answer.status_code >= 500 or (refused and answer.status_code != 422):
                    faults.append(f"{way}: {name} answers {answer.text}")
                if answer.status_code != 200 and before != earlier:
                    faults.append(f"{way}: {name} failed and changed rows")
    assert faults == []


REFUSED = {
    "database": "\0",
    "created_at": HALF,
    "chosen_collections.0": f"docs{HALF}",
    "collections.0.name": "\0",
    "collections.0.uuid": "docs",
    "collections.0.rows": -1,
    "collections.0.dimensions.0": 10**400,
    "probes.rows.0.id": "\0",
    "probes.rows.0.embedding": "[1,2,\0]",
    "probes.rows.0.neighbours.0.id": HALF,
    "probes.rows.0.neighbours.0.distance": 1e999,
    "probes.recall": 2,
    "tables.langchain_pg_embedding.rows": 1 << 63,
    "tables.langchain_pg_embedding.columns": [],
    "tables.langchain_pg_embedding.columns.0.type": "",
    "tables.langchain_pg_embedding.columns.0.modifier": 1 << 31,
    "tables.langchain_pg_embedding.blocks.0.bytes": 1 << 40,
    "tables.langchain_pg_embedding.indexes.0.keys.0": HALF,
    "tables.langchain_pg_embedding.foreign_keys.0.on_delete": "\0",
}


@pytest.mark.parametrize("key", REFUSED)
def test_a_value_that_cannot_be_is_refused_at_the_door_by_its_key(
    client: Client, foreign: Foreign, uses: dict[str, Callable[[], Any]], bits: Any, database: TestDatabase, key: str
) -> None:
    before = bits(database)
    way = tuple(int(part) if part.isdigit() else part for part in key.split("."))
    manifest = signed(changed(foreign.document, way, REFUSED[key]))
    foreign.path.write_bytes(manifest)
    upload = client.post(f"{PREFIX}/backups/upload", data=foreign.archive(manifest), content_type="application/x-tar")
    for answer in (upload, *(use() for use in uses.values())):
        data = answer.get_json()["data"]
        assert (answer.status_code, data["error_type"], data["details"]["key"]) == (422, "INVALID_BACKUP", key)
    assert [one["timestamp"] for one in client.list().get_json()["data"]["backup_locations"][0]["backups"]] == [
        foreign.stamp
    ]
    assert bits(database) == before


def test_a_key_that_can_be_no_text_is_refused_and_any_other_is_left_alone(
    foreign: Foreign, uses: dict[str, Callable[[], Any]]
) -> None:
    foreign.path.write_bytes(signed({**foreign.document, f"more{HALF}": 1}))
    for use in uses.values():
        answer = use()
        assert (answer.status_code, answer.get_json()["data"]["error_type"]) == (422, "INVALID_BACKUP")
    foreign.path.write_bytes(signed({**foreign.document, "more\0": "DROP TABLE langchain_pg_embedding"}))
    assert {name: use().status_code for name, use in uses.items()} == dict.fromkeys(uses, 200)


def test_a_set_of_a_newer_version_is_refused_as_such_and_can_be_removed(
    client: Client, foreign: Foreign, uses: dict[str, Callable[[], Any]], bits: Any, database: TestDatabase
) -> None:
    before = bits(database)
    manifest = signed({**foreign.document, "format_version": 3, "tables": "in some other way"})
    foreign.path.write_bytes(manifest)
    upload = client.post(f"{PREFIX}/backups/upload", data=foreign.archive(manifest), content_type="application/x-tar")
    for answer in (upload, *(use() for use in uses.values())):
        data = answer.get_json()["data"]
        assert (answer.status_code, data["error_type"], data["details"]["format_version"]) == (422, "INVALID_BACKUP", 3)
        assert "请升级服务后再试" in data["response"]
    assert bits(database) == before
    assert [one["timestamp"] for one in client.list().get_json()["data"]["backup_locations"][0]["backups"]] == [
        foreign.stamp
    ]
    assert client.delete(f"{PREFIX}/backups/global/{foreign.stamp}").status_code == 200


def test_a_bug_after_the_commit_is_a_warning_and_a_line_in_the_log(
    foreign: Foreign, uses: dict[str, Callable[[], Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any) -> None:
        raise RuntimeError("a row of the table")

    monkeypatch.setattr(search_check.probes, "repeat", fail)
    with capture_logs() as logs:
        answer = uses["replace"]()
    assert (answer.status_code, answer.get_json()["data"]["search_check"]) == (200, {"performed": False})
    assert any(text.startswith("检索核对未能完成") for text in answer.get_json()["data"]["warnings"])
    (line,) = [one for one in logs if one["log_level"] == "error"]
    assert line["kind"] == "RuntimeError"
    assert "a row" not in str(line)
