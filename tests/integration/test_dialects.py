"""CSV files that no manifest vouches for: what they hold tells whether COPY or Python wrote them, in every mode."""

import csv
import io
import json
import random
from typing import Any

import pytest

from data_pipeline.api import PREFIX
from data_pipeline.api.vector_restore_manager import VectorRestoreManager
from data_pipeline.engine import Engine
from data_pipeline.sets.tables import witness
from data_pipeline.settings import Settings
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.names import COLLECTION, EMBEDDING

STAMP = "20250722_010318"
ONE, TWO = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2))
WINDOWS, UNIX = b"\r\n", b"\n"
HEADER = b"id,collection_id,embedding,document,cmetadata\n"
COLLECTIONS = f'uuid,name,cmetadata\n{ONE},a,null\n{TWO},b,"{{""k"": 1.10}}"\n'.encode()
ROWS = f"""x1,{ONE},"[1,2,3]",plain,"{{""a"": true}}"
x2,{ONE},"[1,2,3]",,null
x3,{TWO},"[1,2,3]","",true
x4,{TWO},,"two lines","\"""text""\"\"
x5,,"[0.1,0.2,0.3]","it's",12.50
""".encode()
PLAIN = f"uuid,name,cmetadata\n{ONE},a,{{}}\n{TWO},b,\n".encode()
"""Collections that tell nothing."""

PYTHON = f"uuid,name,cmetadata\n{ONE},a,\n{TWO},b,{{'k': 1}}\n".encode()
OF_PYTHON = f"""x1,{ONE},"[1,2,3]",,"{{'a': True, 'b': None, 'c': ""it's""}}"
x2,{ONE},"[1,2,3]","q""q",{{'source': 's'}}
""".encode()
FILLER = b"".join(b'f%d,,"[1,2,3]",%s,{}\n' % (number, b"x" * 2000) for number in range(1300))
"""More than a block of rows that tell nothing."""

MODES: dict[str, dict[str, Any]] = {
    "append": {},
    "atomic": {"atomic": True},
    "replace": {"truncate_before_restore": True},
    "replace, backed up": {"truncate_before_restore": True, "backup_before_restore": True},
    "replace some": {"truncate_before_restore": True, "collections": ["a", "b"], "backup_before_restore": True},
    "append some": {"collections": ["a", "b"]},
    "sync": {"strategy": "sync"},
    "swap": {"strategy": "swap"},
    "sync some": {"strategy": "sync", "collections": ["a", "b"]},
    "skip": {"on_conflict": "skip"},
    "update": {"on_conflict": "update"},
}


def ended(data: bytes, newline: bytes) -> bytes:
    return data.replace(b"\n", newline)


def contents(database: TestDatabase) -> list[tuple[Any, ...]]:
    """Both tables but the filler, to the bit."""
    return [
        *database.fetch(f"SELECT uuid::text, name, cmetadata::text FROM {COLLECTION} ORDER BY 1"),
        *database.fetch(
            f"SELECT id, collection_id::text, embedding::text, document, cmetadata::text FROM {EMBEDDING}"
            " WHERE id NOT LIKE 'f%%' ORDER BY id",
            (),
        ),
    ]


@pytest.fixture
def restore(client: Client, backups: Any) -> Any:
    def run(collection: bytes, embedding: bytes, status: int = 200, **options: Any) -> Any:
        response = client.restore(**backups.write(collection, embedding), **options)
        assert response.status_code == status, response.text
        return response.get_json()["data"]

    return run


def dialects(data: Any) -> set[str]:
    return {table["dialect"] for table in data["restore_results"].values()}


@pytest.mark.parametrize("options", MODES.values(), ids=MODES)
def test_what_copy_writes_on_windows_is_what_it_writes_on_linux(
    restore: Any, database: TestDatabase, options: Any
) -> None:
    without = b"".join(line for line in ROWS.splitlines(True) if b",," not in line[:5])  # of no collection
    restore(COLLECTIONS, HEADER + without, truncate_before_restore=True)
    expected = contents(database)
    assert (ONE, "a", "null") in expected
    assert ("x2", ONE, "[1,2,3]", None, "null") in expected
    for start in (b"", FILLER):
        database.execute(f"TRUNCATE {COLLECTION}, {EMBEDDING}")
        rows = ended(HEADER + start + without, WINDOWS)
        data = restore(ended(PLAIN, WINDOWS) if start else ended(COLLECTIONS, WINDOWS), rows, **options)
        assert dialects(data) == {"copy"}
        assert contents(database)[2:] == expected[2:]
        assert (contents(database) == expected) == (not start)
        assert [text for text in data["warnings"] if "document" in text] == []


@pytest.mark.parametrize("options", MODES.values(), ids=MODES)
@pytest.mark.parametrize("newline", [WINDOWS, UNIX])
def test_what_python_writes_is_read_whatever_the_line_ends(
    restore: Any, database: TestDatabase, newline: bytes, options: Any
) -> None:
    for start in (b"", FILLER):
        database.execute(f"TRUNCATE {COLLECTION}, {EMBEDDING}")
        data = restore(ended(PLAIN, newline), ended(HEADER + start + OF_PYTHON, newline), **options)
        assert dialects(data) == {"python"}
        assert contents(database)[2:] == [
            ("x1", ONE, "[1,2,3]", "", '{"a": true, "b": null, "c": "it\'s"}'),
            ("x2", ONE, "[1,2,3]", 'q"q', '{"source": "s"}'),
        ]


def test_one_file_of_the_set_tells_for_the_other(restore: Any, database: TestDatabase) -> None:
    silent = f'x,{ONE},"[1]",,{{}}\n'.encode()
    for collections, newline, document in ((PYTHON, UNIX, ""), (COLLECTIONS, WINDOWS, None)):
        data = restore(ended(collections, newline), ended(HEADER + silent, newline), truncate_before_restore=True)
        assert database.fetch(f"SELECT document FROM {EMBEDDING}") == [(document,)]
        assert [text for text in data["warnings"] if "dialect" in text] == []


def test_an_embedding_file_reopens_the_collection_file(restore: Any, database: TestDatabase) -> None:
    words = f"uuid,name,cmetadata\r\n{ONE},a,12.50\r\n{TWO},b,word\r\n".encode()
    data = restore(words, ended(HEADER + OF_PYTHON, UNIX), truncate_before_restore=True)
    assert dialects(data) == {"python"}
    data = restore(words, ended(HEADER + ROWS, UNIX), status=422, truncate_before_restore=True)
    assert data["rolled_back"] is True
    assert [row[2] for row in contents(database)[:2]] == ["12.50", '"word"']


@pytest.mark.parametrize("options", [*MODES.values(), {"dry_run": True}], ids=[*MODES, "dry run"])
def test_both_kinds_in_one_set_are_refused_with_the_lines_of_both(
    restore: Any, database: TestDatabase, backups: Any, client: Client, options: Any
) -> None:
    database.execute(f"INSERT INTO {EMBEDDING} (id, document) VALUES ('before', 'd')")
    before = contents(database)
    files = ended(COLLECTIONS, UNIX), HEADER + FILLER + OF_PYTHON
    if options.get("dry_run"):
        (data,) = restore(*files, **options)["problems"]
    else:
        data = restore(*files, status=422, **options)
    assert data["error_type"] == "INVALID_BACKUP"
    details = data["details"]
    assert details["copy"] == {"file": f"{COLLECTION}_{STAMP}.csv", "line": 2, "column": "cmetadata"}
    assert details["python"] == {"file": f"{EMBEDDING}_{STAMP}.csv", "line": 1302, "column": "cmetadata"}
    assert "it's" not in str(data)
    assert contents(database) == before
    place = backups.named()
    assert client.post(f"{PREFIX}/compare", json=place).status_code == 422
    assert client.post(f"{PREFIX}/backups/global/{STAMP}/verify").status_code == 422


def test_where_nothing_tells_the_line_ends_do_and_what_hangs_on_it_is_counted(
    restore: Any, database: TestDatabase
) -> None:
    silent = f'x,{ONE},"[1]",,{{}}\ny,{ONE},"[1]",,\nz,{ONE},"[1]",d,7\n'.encode()
    for newline, document, dialect in ((WINDOWS, "", "python"), (UNIX, None, "copy")):
        for options in ({"truncate_before_restore": True}, {"strategy": "sync"}, {"strategy": "sync", "dry_run": True}):
            data = restore(ended(PLAIN, newline), ended(HEADER + silent, newline), **options)
            assert dialects(data) == {dialect}
            (warning,) = [text for text in data["warnings"] if "dialect" in text]
            assert "2 个空的 document" in warning
            assert database.fetch(f"SELECT document FROM {EMBEDDING} WHERE id < 'z'") == [(document,)] * 2
    full = silent.replace(b",,", b",d,")
    data = restore(PLAIN, HEADER + full, truncate_before_restore=True)
    assert [text for text in data["warnings"] if "dialect" in text] == []


def test_what_the_caller_decides_is_final(restore: Any, database: TestDatabase) -> None:
    """For any value: a JSON string "null" is one that Python wrote without quotes."""
    silent = f'x,{ONE},"[1]",,{{}}\n'.encode()
    for dialect, newline, document in (("python", UNIX, ""), ("copy", WINDOWS, None)):
        data = restore(
            ended(PLAIN, newline), ended(HEADER + silent, newline), truncate_before_restore=True, dialect=dialect
        )
        assert dialects(data) == {dialect}
        assert database.fetch(f"SELECT document FROM {EMBEDDING}") == [(document,)]
        assert [text for text in data["warnings"] if "dialect" in text] == []
    for rows in (ROWS, ended(ROWS, WINDOWS)):
        header = ended(HEADER, WINDOWS) if rows != ROWS else HEADER
        data = restore(PLAIN, header + rows, dialect="python", truncate_before_restore=True)
        assert dialects(data) == {"python"}
        assert database.fetch(f"SELECT document, cmetadata::text FROM {EMBEDDING} ORDER BY id") == [
            ("plain", '{"a": true}'),
            ("", '"null"'),
            ("", '"true"'),
            ("two lines", '"\\"text\\""'),
            ("it's", "12.50"),
        ]
        assert [text for text in data["warnings"] if "dialect" in text] == []


def test_a_set_of_both_kinds_is_read_as_the_caller_says(restore: Any, database: TestDatabase) -> None:
    data = restore(COLLECTIONS, HEADER + OF_PYTHON, dialect="python", truncate_before_restore=True)
    assert dialects(data) == {"python"}
    assert [row[2] for row in contents(database)] == ['"null"', '{"k": 1.10}', "[1,2,3]", "[1,2,3]"]


@pytest.mark.parametrize(
    "options", [{"truncate_before_restore": True}, {"atomic": True}, {"strategy": "sync"}], ids=str
)
def test_what_cannot_be_read_as_the_caller_says_is_told_with_its_line(
    restore: Any, database: TestDatabase, options: dict[str, Any]
) -> None:
    """Nothing but a list or dict that is no JSON: all else that COPY writes, Python may have written too."""
    silent = f'x,{ONE},"[1]",d,{{}}\n'.encode()
    for dialect, rows in (("copy", OF_PYTHON), ("python", ROWS.replace(b'{""a"": true}', b'{""a"": Yes}'))):
        data = restore(PLAIN, HEADER + silent + rows, status=422, dialect=dialect, **options)
        assert data["error_type"] == "INVALID_BACKUP"
        assert (data["details"]["file"], data["details"]["line"]) == (f"{EMBEDDING}_{STAMP}.csv", 3)
        assert contents(database) == []


ONE_TABLE: dict[str, dict[str, Any]] = {
    "append": {},
    "replace": {"truncate_before_restore": True},
    "sync": {"strategy": "sync"},
    "swap": {"strategy": "swap"},
    "sync some": {"strategy": "sync", "collections": ["a", "b"]},
    "skip": {"on_conflict": "skip"},
}
SILENT = f'x,{ONE},"[1]",,{{}}\n'.encode()


@pytest.fixture
def owners(database: TestDatabase) -> None:
    database.execute(f"INSERT INTO {COLLECTION} VALUES (%s, 'a', '{{}}'), (%s, 'b', '{{}}')", (ONE, TWO))


@pytest.mark.usefixtures("owners")
@pytest.mark.parametrize("options", ONE_TABLE.values(), ids=ONE_TABLE)
def test_the_file_that_is_not_restored_tells_too(restore: Any, database: TestDatabase, options: dict[str, Any]) -> None:
    for collections, newline, document in ((PYTHON, UNIX, ""), (COLLECTIONS, WINDOWS, None)):
        database.execute(f"TRUNCATE {EMBEDDING}")
        files = ended(collections, newline), ended(HEADER + SILENT, newline)
        rehearsed = restore(*files, tables=[EMBEDDING], **options, dry_run=True)
        data = restore(*files, tables=[EMBEDDING], **options)
        assert database.fetch(f"SELECT document FROM {EMBEDDING}") == [(document,)]
        assert dialects(data) == dialects(rehearsed) == {"python" if document == "" else "copy"}
        for answer in (data, rehearsed):
            assert [text for text in answer["warnings"] if "dialect" in text] == []


@pytest.mark.parametrize("options", [{}, {"strategy": "sync"}, {"strategy": "sync", "collections": ["a"]}], ids=str)
def test_embeddings_tell_for_their_collections(restore: Any, database: TestDatabase, options: dict[str, Any]) -> None:
    """Which are read as of Python here, and else would be no JSON."""
    words = f"uuid,name,cmetadata\n{ONE},a,word\n".encode()
    data = restore(words, HEADER + FILLER + OF_PYTHON, tables=[COLLECTION], **options)
    assert dialects(data) == {"python"}
    assert contents(database) == [(ONE, "a", '"word"')]


@pytest.mark.usefixtures("owners")
@pytest.mark.parametrize("options", ONE_TABLE.values(), ids=ONE_TABLE)
def test_a_file_that_contradicts_the_one_that_is_not_restored_is_refused(
    restore: Any, database: TestDatabase, options: dict[str, Any]
) -> None:
    before = contents(database)
    files = COLLECTIONS, HEADER + SILENT + OF_PYTHON
    (problem,) = restore(*files, tables=[EMBEDDING], **options, dry_run=True)["problems"]
    data = restore(*files, status=422, tables=[EMBEDDING], **options)
    for found in (problem, data):
        assert found["error_type"] == "INVALID_BACKUP"
        assert found["details"]["copy"] == {"file": f"{COLLECTION}_{STAMP}.csv", "line": 2, "column": "cmetadata"}
        assert found["details"]["python"] == {"file": f"{EMBEDDING}_{STAMP}.csv", "line": 3, "column": "cmetadata"}
    assert contents(database) == before


@pytest.mark.usefixtures("owners")
@pytest.mark.parametrize(
    "other", [None, b"", b"<html>\n", HEADER + OF_PYTHON, PYTHON[:-5] + b'"', b"\0" * 5000], ids=str
)
def test_a_file_that_is_not_restored_may_be_missing_or_damaged(
    client: Client, database: TestDatabase, backups: Any, other: bytes | None
) -> None:
    backups.write(other or b"", HEADER + SILENT)
    if other is None:
        (backups.directory() / f"{COLLECTION}_{STAMP}.csv").unlink()
    for options in ({"dry_run": True}, {"truncate_before_restore": True}):
        response = client.restore(**backups.named(), tables=[EMBEDDING], **options)
        assert response.status_code == 200, response.text
        assert dialects(response.get_json()["data"]) == {"copy"}
    assert database.fetch(f"SELECT document FROM {EMBEDDING}") == [(None,)]


def test_of_a_file_that_is_not_restored_only_the_beginning_is_read(
    restore: Any, database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness, "LOOK_BYTES", 3 << 20)
    rows = HEADER + FILLER + FILLER.replace(b"f", b"g") + OF_PYTHON
    words = f"uuid,name,cmetadata\n{ONE},a,{{}}\n".encode()
    assert dialects(restore(words, rows, tables=[COLLECTION])) == {"copy"}
    monkeypatch.undo()
    assert dialects(restore(words, rows, tables=[COLLECTION], strategy="sync")) == {"python"}


@pytest.mark.usefixtures("owners")
def test_a_file_restored_by_its_path_is_read_as_the_one_beside_it(
    database: TestDatabase, backups: Any, output_dir: Any
) -> None:
    backups.write(PYTHON, HEADER + SILENT)
    engine = Engine.build(Settings.load({"DATABASE_URL": database.url, "OUTPUT_DIRECTORY": str(output_dir)}))
    manager = VectorRestoreManager(engine=engine)
    found = manager._restore_table_from_csv(EMBEDDING, backups.directory() / f"{EMBEDDING}_{STAMP}.csv")
    assert found["dialect"] == "python"
    assert database.fetch(f"SELECT document FROM {EMBEDDING}") == [("",)]


def test_a_manifest_decides(client: Client, database: TestDatabase) -> None:
    database.execute(f"INSERT INTO {EMBEDDING} (id, document, cmetadata) VALUES ('x', NULL, 'null'), ('y', '', '{{}}')")
    before = contents(database)
    assert client.post(f"{PREFIX}/backup", json={}).status_code == 200
    (listed,) = client.get(f"{PREFIX}/restore/list").get_json()["data"]["backup_locations"]
    named = {"backup_path": listed["relative_path"], "timestamp": listed["backups"][0]["timestamp"]}
    data = client.restore(**named, truncate_before_restore=True).get_json()["data"]
    assert dialects(data) == {"copy"}
    assert contents(database) == before
    for options in ({}, {"dry_run": True}, {"async": True}):
        refused = client.restore(**named, dialect="python", **options)
        assert refused.status_code == 400
        assert refused.get_json()["data"]["details"] == {"field": "dialect"}
    assert client.post(f"{PREFIX}/compare", json={**named, "dialect": "python"}).status_code == 400
    assert client.restore(**named, truncate_before_restore=True, dialect="copy").status_code == 200


@pytest.mark.parametrize("name", [b"", b'""', b"Unnamed: 0"])
def test_an_index_column_in_front_is_skipped(restore: Any, database: TestDatabase, name: bytes) -> None:
    rows = b"".join(b"%d,%s\n" % (n, line) for n, line in enumerate(OF_PYTHON.splitlines()))
    data = restore(PYTHON, name + b"," + HEADER + rows, truncate_before_restore=True)
    assert data["restore_results"][EMBEDDING]["rows_restored"] == 2
    assert [row[0] for row in contents(database)[2:]] == ["x1", "x2"]
    assert contents(database)[1][2] == '{"k": 1}'


def test_a_restored_set_compares_and_verifies_as_it_was_read(
    restore: Any, client: Client, backups: Any, database: TestDatabase
) -> None:
    for collections, rows, newline in (
        (COLLECTIONS, ROWS.replace(b"x5,,", b"x5,%s," % ONE.encode()), WINDOWS),
        (PYTHON, OF_PYTHON, UNIX),
    ):
        restore(ended(collections, newline), ended(HEADER + rows, newline), truncate_before_restore=True)
        place = backups.named()
        compared = client.post(f"{PREFIX}/compare", json=place).get_json()["data"]
        assert compared["identical"] is True
        assert client.post(f"{PREFIX}/backups/global/{STAMP}/verify").status_code == 200
        rehearsed = client.restore(**place, strategy="sync", dry_run=True).get_json()["data"]
        assert rehearsed["restore_results"][EMBEDDING]["rows_unchanged"] == len(contents(database)) - 2


def test_a_replace_read_twice_takes_one_backup_of_what_was_there(
    restore: Any, database: TestDatabase, client: Client
) -> None:
    database.execute(f"INSERT INTO {EMBEDDING} (id, document) VALUES ('before', 'd')")
    before = contents(database)
    data = restore(PLAIN, HEADER + FILLER + OF_PYTHON, truncate_before_restore=True, backup_before_restore=True)
    assert len(client.get(f"{PREFIX}/restore/list").get_json()["data"]["backup_locations"][0]["backups"]) == 2
    assert client.restore(**data["undo"]).status_code == 200
    assert contents(database) == before


PIECES = [
    "",
    "a",
    "it's",
    'say "so"',
    "\r",
    "\n",
    "\r\n",
    ",",
    "None",
    "null",
    "True",
    "中文",
    "{'a': 1}",
    '{"a": 1}',
    "\\",
    "'",
]


def written(chance: random.Random, depth: int = 0) -> Any:
    """Some JSON value; at the top a dict or a list, as metadata is."""
    kinds = ["dict", "list"] if depth == 0 else ["dict", "list", "word", "text", "number"]
    kind = chance.choice(kinds if depth < 3 else kinds[2:])
    if kind == "dict":
        return {"".join(chance.choices(PIECES, k=2)): written(chance, depth + 1) for _ in range(chance.randrange(3))}
    if kind == "list":
        return [written(chance, depth + 1) for _ in range(chance.randrange(3))]
    if kind == "text":
        return "".join(chance.choices(PIECES, k=3))
    return chance.choice([None, True, False]) if kind == "word" else chance.choice([0, -1, 12.5, 10**20])


def exported(database: TestDatabase, table: str, dialect: str, newline: str) -> bytes:
    connection = database.connect()
    cursor = connection.cursor()
    if dialect == "copy":
        found = io.BytesIO()
        cursor.copy_expert(f"COPY {table} TO STDOUT WITH (FORMAT csv, HEADER)", found)
        connection.close()
        # In a field's own text COPY leaves line ends alone; it changes only those of records.
        inside, data = False, bytearray()
        for byte in found.getvalue():
            inside ^= byte == ord('"')
            data += newline.encode() if byte == ord("\n") and not inside else bytes([byte])
        return bytes(data)
    text = io.StringIO(newline="")
    cursor.execute(f"SELECT * FROM {table}")
    writer = csv.writer(text, lineterminator=newline)
    writer.writerow([column.name for column in cursor.description or ()])
    writer.writerows(cursor.fetchall())
    connection.close()
    return text.getvalue().encode()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("dialect", ["copy", "python"])
@pytest.mark.parametrize("seed", range(6))
def test_rows_of_any_kind_come_back_to_the_bit(
    restore: Any, database: TestDatabase, seed: int, dialect: str, newline: str
) -> None:
    chance = random.Random(seed)
    names = {ONE: "a", TWO: "b"}
    for uuid, name in names.items():
        values = (uuid, name, json.dumps({"t": None, "name": written(chance)}))
        # json keeps its text: write it as Python's json would, which is what a repr comes back as.
        database.execute(f"INSERT INTO {COLLECTION} (uuid, name, cmetadata) VALUES (%s, %s, %s)", values)
    for number in range(60):
        nothing = None if dialect == "copy" else ""  # Python can't tell them apart
        document = chance.choice([nothing, "", "".join(chance.choices(PIECES, k=4))])
        metadata = chance.choice([None, json.dumps(written(chance))])
        vector = chance.choice([None, "[-0,1e-45,0.1]"])
        owner = chance.choice([None, ONE, TWO])
        database.execute(
            f"INSERT INTO {EMBEDDING} VALUES (%s, %s, %s, %s, %s)", (f"r{number:02}", owner, vector, document, metadata)
        )
    before = database.fetch(f"SELECT e::text FROM {EMBEDDING} e ORDER BY id")
    collections = database.fetch(f"SELECT uuid::text, name, cmetadata::jsonb FROM {COLLECTION} ORDER BY 1")
    files = [exported(database, table, dialect, newline) for table in (COLLECTION, EMBEDDING)]
    database.execute(f"DELETE FROM {EMBEDDING} WHERE id > 'r30'")
    data = restore(*files, truncate_before_restore=True)
    assert dialects(data) == {dialect}
    assert database.fetch(f"SELECT e::text FROM {EMBEDDING} e ORDER BY id") == before
    assert database.fetch(f"SELECT uuid::text, name, cmetadata::jsonb FROM {COLLECTION} ORDER BY 1") == collections
