"""create_tables: what the database lacks is made from the manifest's facts, and nothing in a file is ever executed."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.signed import signed
from tests.support.answers import failure
from tests.support.names import COLLECTION, EMBEDDING

SHAPE = """
SELECT c.relname, pg_get_indexdef(c.oid), c.reloptions FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid WHERE t.relname LIKE 'langchain%' ORDER BY 1
"""
KEYS = """
SELECT conname, contype::text, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid IN (SELECT oid FROM pg_class WHERE relname LIKE 'langchain%') AND contype <> 'n' ORDER BY 1
"""
COLUMNS = """
SELECT attrelid::regclass::text, attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute
WHERE attrelid IN (SELECT oid FROM pg_class WHERE relname IN ('langchain_pg_collection', 'langchain_pg_embedding'))
AND attnum > 0 AND NOT attisdropped ORDER BY attrelid::regclass::text, attnum
"""
SETUP = """
ALTER TABLE langchain_pg_embedding ADD "a ""column"" more" varchar(40) NOT NULL DEFAULT 'x', ADD halves halfvec(2);
CREATE INDEX "an ""HNSW"" index" ON langchain_pg_embedding
  USING hnsw ((embedding::vector(3)) vector_cosine_ops) WITH (m = 8, ef_construction = 32);
CREATE INDEX lists ON langchain_pg_embedding USING ivfflat ((embedding::halfvec(3)) halfvec_l2_ops) WITH (lists = 2);
CREATE UNIQUE INDEX covering ON langchain_pg_embedding (id, collection_id) INCLUDE (document) WITH (fillfactor = 50);
CREATE INDEX names ON langchain_pg_collection USING hash (name);
ALTER INDEX ix_cmetadata_gin SET (fastupdate = off);
CREATE INDEX sources ON langchain_pg_embedding ((cmetadata ->> 'it''s'));
CREATE INDEX pages ON langchain_pg_embedding (collection_id, ((cmetadata ->> 'page')::double precision));
CREATE INDEX tags ON langchain_pg_embedding USING gin (((cmetadata::jsonb) -> 'tags') jsonb_path_ops);
ALTER TABLE langchain_pg_embedding ADD words tsvector GENERATED ALWAYS AS (to_tsvector('english', document)) STORED;
CREATE INDEX words ON langchain_pg_embedding USING gin (words);
"""


@pytest.fixture
def rows(fill: Any, database: TestDatabase) -> None:
    """Rows whose vectors all have three dimensions."""
    fill(database)
    database.execute("UPDATE langchain_pg_embedding SET embedding = '[1,2,3]'")


@pytest.fixture
def elsewhere(make_client: Callable[..., Client], empty_database: TestDatabase) -> Any:
    """The service in front of a database that has nothing."""
    empty_database.execute("DROP EXTENSION vector")
    return make_client(DATABASE_URL=empty_database.url)


def backup(client: Client, **body: Any) -> dict[str, Any]:
    done = client.backup(**body).get_json()["data"]
    return {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}


def created(client: Client, body: dict[str, Any], **more: Any) -> dict[str, Any]:
    response = client.restore(**body, create_tables=True, **more)
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.get_json()["data"]
    return data


def relations(database: TestDatabase) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = database.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
    )
    return found


def contents(database: TestDatabase) -> list[tuple[Any, ...]]:
    """All rows as text. In binary a record names its types by number, and pgvector's number is a new one each time."""
    collections = database.fetch("SELECT uuid::text, name, cmetadata::text FROM langchain_pg_collection ORDER BY 1")
    embeddings = database.fetch(
        "SELECT id, collection_id::text, vector_send(embedding)::text, document, cmetadata::text"
        " FROM langchain_pg_embedding ORDER BY 1"
    )
    return [*collections, *embeddings]


def rewrite(backups: Any, body: dict[str, Any], change: Any) -> None:
    """Put a manifest in place of the one that was written that is changed, and vouches for itself."""
    path = backups.directory() / f"vector_backup_{body['timestamp']}.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_bytes(signed(document))


@pytest.mark.parametrize("file_format", ["csv", "binary"])
@pytest.mark.parametrize("more", [{"truncate_before_restore": True}, {"strategy": "sync"}, {"on_conflict": "skip"}, {}])
def test_an_empty_database_gets_everything_as_it_was(
    client: Client,
    database: TestDatabase,
    rows: None,
    elsewhere: Any,
    empty_database: TestDatabase,
    more: Any,
    file_format: str,
) -> None:
    database.execute(SETUP)
    answer = created(elsewhere, backup(client, format=file_format), **more)
    assert not any("索引" in text for text in answer["warnings"])
    assert empty_database.fetch(COLUMNS) == database.fetch(COLUMNS)
    assert empty_database.fetch(KEYS) == database.fetch(KEYS)
    assert empty_database.fetch(SHAPE) == database.fetch(SHAPE)
    assert contents(empty_database) == contents(database)
    made = answer["created"]
    assert (made["extension"], made["tables"]) == (True, [COLLECTION, EMBEDDING])
    plain = {"covering", "names", "words", "ix_cmetadata_gin"}
    assert set(made["indexes"]) == {'an "HNSW" index', "lists", "sources", "pages", "tags", *plain}
    assert all(one["success"] for one in made["indexes"].values())


EVERY_KIND = """
ALTER TABLE langchain_pg_embedding ADD a numeric(10,2), ADD b numeric, ADD c bit(8), ADD d varbit(9), ADD e varbit,
  ADD f timestamptz(3), ADD g time(0), ADD h interval(2), ADD i interval, ADD j char(5), ADD k text[],
  ADD l varchar(7)[],
  ADD m vector(2)[], ADD n sparsevec(9), ADD o name, ADD p "char", ADD q oid, ADD r bool, ADD s bytea, ADD t float4,
  ADD u numeric(3,-2), ADD v int8[], ADD w timestamp(0)[],
  ADD x interval year, ADD y interval day to second(1), ADD z interval hour[];
UPDATE langchain_pg_embedding SET a = 1.10, b = 'NaN', c = B'10100101', d = B'', e = B'1', f = now(), g = '24:00:00',
  h = '1 mon -00:00:01.5', j = 'x', k = '{"a,b",NULL}', l = '[0:1]={x,y}', m = '{"[1,2]"}', n = '{1:1}/9', o = 'o',
  p = 'p', q = 4294967295, r = true, s = '\\x00', t = '-0', u = 12345, v = '{{1},{2}}', w = '{infinity}';
"""


@pytest.mark.parametrize("file_format", ["csv", "binary"])
def test_columns_of_every_kind_come_back_with_their_lengths_and_precisions(
    client: Client, database: TestDatabase, rows: None, elsewhere: Any, empty_database: TestDatabase, file_format: str
) -> None:
    """pgvector's types have other numbers there, and the bytes of an array name the type of its elements by number."""
    database.execute(EVERY_KIND)
    everything = "SELECT e::text FROM langchain_pg_embedding e ORDER BY id"
    answer = created(elsewhere, backup(client, format=file_format))
    assert answer["warnings"] == []
    assert empty_database.fetch(COLUMNS) == database.fetch(COLUMNS)
    assert empty_database.fetch(everything) == database.fetch(everything)


def test_without_being_asked_nothing_is_made(
    client: Client, rows: None, elsewhere: Any, empty_database: TestDatabase
) -> None:
    assert failure(elsewhere.restore(**backup(client))) == (409, "SCHEMA_MISMATCH")
    assert relations(empty_database) == []


def test_a_file_of_another_exporter_goes_into_langchains_own_tables(
    elsewhere: Any, small_set: dict[str, str], empty_database: TestDatabase, database: TestDatabase
) -> None:
    answer = created(elsewhere, small_set)
    assert empty_database.fetch(COLUMNS) == database.fetch(COLUMNS)
    assert empty_database.fetch(KEYS) == database.fetch(KEYS)
    assert empty_database.fetch(SHAPE) == database.fetch(SHAPE)
    assert [one["rows_restored"] for one in answer["restore_results"].values()] == [1, 2]


def test_a_file_of_the_old_tables_goes_into_the_old_tables(
    elsewhere: Any, backups: Any, empty_database: TestDatabase, old_database: TestDatabase
) -> None:
    uuid = "11111111-1111-4111-8111-111111111111"
    body = backups.write(
        f"name,cmetadata,uuid\r\ndocs,,{uuid}\r\n".encode(),
        f'collection_id,embedding,document,cmetadata,custom_id,uuid\r\n{uuid},"[1,2]",x,{{}},mine,{uuid}\r\n'.encode(),
    )
    created(elsewhere, body)
    assert empty_database.fetch(COLUMNS) == old_database.fetch(COLUMNS)
    assert empty_database.fetch(KEYS) == old_database.fetch(KEYS)


def test_only_what_is_missing_is_made(client: Client, database: TestDatabase, rows: None) -> None:
    database.execute(SETUP)
    before = database.fetch(SHAPE), database.fetch(KEYS)
    body = backup(client)
    assert created(client, body, strategy="sync")["created"] == {
        "extension": False,
        "tables": [],
        "keys": [],
        "indexes": {},
    }
    database.execute('DROP INDEX "an ""HNSW"" index"; ALTER INDEX lists RENAME TO other;')
    database.execute("ALTER TABLE langchain_pg_embedding DROP CONSTRAINT langchain_pg_embedding_collection_id_fkey")
    answer = created(client, body, strategy="sync")
    assert list(answer["created"]["indexes"]) == ['an "HNSW" index']
    assert answer["created"]["keys"] == ["langchain_pg_embedding_collection_id_fkey"]
    database.execute("ALTER INDEX other RENAME TO lists")
    assert (database.fetch(SHAPE), database.fetch(KEYS)) == before


def test_a_name_that_is_taken_makes_way(
    client: Client, rows: None, elsewhere: Any, empty_database: TestDatabase
) -> None:
    empty_database.execute("CREATE TABLE ix_cmetadata_gin (mine int); CREATE TABLE langchain_pg_embedding_pkey ()")
    created(elsewhere, backup(client))
    assert len(empty_database.fetch(SHAPE)) == 4
    assert "gin (cmetadata jsonb_path_ops)" in str(empty_database.fetch(SHAPE))


def test_an_index_over_a_json_key_that_an_earlier_version_saw_is_there(
    client: Client, database: TestDatabase, rows: None, backups: Any
) -> None:
    database.execute("CREATE INDEX sources ON langchain_pg_embedding ((cmetadata ->> 'source'))")
    body = backup(client)

    def forget(document: dict[str, Any]) -> None:
        (found,) = [one for one in document["tables"][EMBEDDING]["indexes"] if one.pop("json_keys", None)]
        assert found["name"] == "sources"

    rewrite(backups, body, forget)
    answer = created(client, body, strategy="sync")
    assert (answer["created"]["indexes"], answer["warnings"]) == ({}, [])


def test_an_index_of_a_kind_nobody_knows_is_named(
    client: Client, database: TestDatabase, rows: None, elsewhere: Any
) -> None:
    database.execute(
        "CREATE INDEX lower ON langchain_pg_embedding (lower(document));"
        "CREATE INDEX part ON langchain_pg_embedding (document) WHERE id > 'a'"
    )
    answer = created(elsewhere, backup(client))
    assert answer["warnings"] == ["未能按备份创建索引或外键: lower", "未能按备份创建索引或外键: part"]


def test_a_failed_restore_leaves_no_tables(
    client: Client, rows: None, elsewhere: Any, empty_database: TestDatabase, backups: Any
) -> None:
    body = backup(client)
    (path,) = backups.directory().glob("langchain_pg_embedding_*")
    path.write_bytes(path.read_bytes()[:-9] + b"xxxxxxxx\n")
    response = elsewhere.restore(**body, create_tables=True, truncate_before_restore=True)
    assert failure(response) == (422, "INVALID_BACKUP")
    assert relations(empty_database) == []
    assert empty_database.fetch("SELECT 1 FROM pg_extension WHERE extname = 'vector'") == []


def test_a_role_that_may_not_create_is_told_so(
    client: Client, database: TestDatabase, rows: None, role: Any, make_client: Callable[..., Client]
) -> None:
    body = backup(client)
    database.execute("DROP TABLE langchain_pg_embedding")
    response = make_client(DATABASE_URL=role.url).restore(**body, create_tables=True)
    assert failure(response) == (403, "PERMISSION_DENIED")


EVIL = "x); DROP TABLE canary; --"


def _index(document: dict[str, Any]) -> dict[str, Any]:
    (found,) = [one for one in document["tables"][EMBEDDING]["indexes"] if one["method"] == "hnsw"]
    return found


def _json_key(**change: str) -> dict[str, Any]:
    return {"casts": [], "json_keys": [{"column": "cmetadata", "key": "a", "as_text": True, **change}]}


HARMLESS = {
    "method": lambda d: _index(d).update(method=EVIL),
    "a method of the wrong keys": lambda d: _index(d).update(method="gin"),
    "operator class": lambda d: _index(d).update(operator_classes=[EVIL]),
    "option": lambda d: _index(d).update(options={EVIL: "1"}),
    "an option's value": lambda d: _index(d).update(options={"m": EVIL}),
    "an option out of range": lambda d: _index(d).update(options={"m": "9999999999"}),
    "cast": lambda d: _index(d)["casts"][0].update(type=EVIL),
    "a cast's column": lambda d: _index(d)["casts"][0].update(column=EVIL),
    "a cast's dimensions": lambda d: _index(d)["casts"][0].update(dimensions=10**9),
    "a json key's type": lambda d: _index(d).update(_json_key(type=EVIL)),
    "a json key's column": lambda d: _index(d).update(_json_key(column=EVIL)),
    "a json key": lambda d: _index(d).update(_json_key(key=EVIL)),
    "no key": lambda d: _index(d).update(keys=[], operator_classes=[]),
    "more classes than keys": lambda d: _index(d).update(operator_classes=["vector_l2_ops"] * 3),
    "a key's action": lambda d: d["tables"][EMBEDDING]["foreign_keys"][0].update(on_delete=EVIL),
    "a key's table": lambda d: d["tables"][EMBEDDING]["foreign_keys"][0].update(referenced_table=EVIL),
}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_sql_in_a_manifest_is_not_executed_and_the_rows_come_back(
    client: Client,
    database: TestDatabase,
    rows: None,
    elsewhere: Any,
    empty_database: TestDatabase,
    backups: Any,
    change: Any,
) -> None:
    database.execute("CREATE INDEX h ON langchain_pg_embedding USING hnsw ((embedding::vector(3)) vector_l2_ops)")
    body = backup(client)
    rewrite(backups, body, change)
    empty_database.execute("CREATE TABLE canary ()")
    answer = created(elsewhere, body)
    assert len(answer["warnings"]) == 1
    assert contents(empty_database) == contents(database)
    assert ("canary",) in relations(empty_database)
    assert ("h",) not in relations(empty_database) or "key" in str(answer["warnings"])


REFUSED = {
    "a column's type": lambda d: d["tables"][EMBEDDING]["columns"][0].update(type=EVIL),
    "a type of a schema": lambda d: d["tables"][EMBEDDING]["columns"][0].update(type=f"public.{EVIL}"),
    "a column's size": lambda d: d["tables"][EMBEDDING]["columns"][2].update(modifier=10**9),
    "a column's name": lambda d: d["tables"][EMBEDDING]["columns"][3].update(name="a\0b"),
    "a name too long": lambda d: d["tables"][EMBEDDING]["indexes"][0].update(name="x" * 64),
    "an empty name": lambda d: d["tables"][EMBEDDING]["foreign_keys"][0].update(name=""),
    "a key of no column": lambda d: d["tables"][COLLECTION]["indexes"][0].update(keys=[EVIL]),
    "two columns of one name": lambda d: d["tables"][EMBEDDING]["columns"][3].update(name="id"),
    "a key's columns": lambda d: d["tables"][EMBEDDING]["foreign_keys"][0].update(columns=[EVIL]),
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_a_table_that_cannot_be_is_refused(
    client: Client, rows: None, elsewhere: Any, empty_database: TestDatabase, backups: Any, change: Any
) -> None:
    body = backup(client)
    rewrite(backups, body, change)
    empty_database.execute("CREATE TABLE canary ()")
    assert failure(elsewhere.restore(**body, create_tables=True))[0] in (409, 422)
    assert relations(empty_database) == [("canary",)]


def test_names_that_look_like_sql_are_only_names(
    client: Client, rows: None, elsewhere: Any, empty_database: TestDatabase, backups: Any
) -> None:
    def rename(document: dict[str, Any]) -> None:
        for table in document["tables"].values():
            for number, one in enumerate([*table["indexes"], *table["foreign_keys"]]):
                one["name"] = f'{number}"; DROP TABLE canary; --'

    body = backup(client)
    rewrite(backups, body, rename)
    empty_database.execute("CREATE TABLE canary ()")
    created(elsewhere, body)
    assert ("canary",) in relations(empty_database)
    assert ('0"; DROP TABLE canary; --',) in relations(empty_database)


VALUES = """
SELECT attname, attidentity::text, attgenerated::text, attnotnull, format_type(atttypid, atttypmod),
       replace(pg_get_expr(adbin, adrelid), 'CURRENT_TIMESTAMP', 'now()')
FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid = 'langchain_pg_embedding'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname
"""
GOT = """
ALTER TABLE langchain_pg_embedding ADD word varchar(40) NOT NULL DEFAULT E'it''s a \\\\ "word"',
  ADD number int DEFAULT -7, ADD share numeric(6,2) DEFAULT 1.5, ADD flag boolean NOT NULL DEFAULT true,
  ADD day date DEFAULT '2026-01-02', ADD more jsonb NOT NULL DEFAULT '{"a": [1]}', ADD tags text[] DEFAULT '{}',
  ADD made timestamptz NOT NULL DEFAULT now(),
  ADD touched timestamptz DEFAULT CURRENT_TIMESTAMP, ADD other_id uuid NOT NULL DEFAULT gen_random_uuid(),
  ADD n bigserial, ADD small smallserial, ADD always int GENERATED ALWAYS AS IDENTITY,
  ADD sometimes bigint GENERATED BY DEFAULT AS IDENTITY,
  ADD "a ""title"" here" text, ADD searched tsvector GENERATED ALWAYS AS (to_tsvector('english', document)) STORED,
  ADD both_ tsvector GENERATED ALWAYS AS
    (to_tsvector('simple', coalesce("a ""title"" here", '') || ' ' || coalesce(document::text, ''))) STORED
"""
LOST = """
ALTER TABLE langchain_pg_embedding ADD hourly timestamptz DEFAULT date_trunc('hour', now()),
  ADD doubled int GENERATED ALWAYS AS (length(document) * 2) STORED, ADD weighted tsvector GENERATED ALWAYS AS
    (setweight(to_tsvector('english', document), 'A')) STORED,
  ADD keywords tsvector GENERATED ALWAYS AS (to_tsvector('english', cmetadata)) STORED,
  ADD counted bigserial;
ALTER TABLE langchain_pg_embedding ALTER counted DROP NOT NULL
"""


def test_what_columns_get_by_themselves_is_made_again(
    client: Client, database: TestDatabase, rows: None, elsewhere: Client, empty_database: TestDatabase
) -> None:
    database.execute(GOT)
    body = backup(client)
    warnings = created(elsewhere, body).get("warnings", [])
    assert [one for one in warnings if "langchain_pg_embedding 的列" in one] == []
    assert empty_database.fetch(VALUES) == database.fetch(VALUES)
    query = "SELECT id, n, small, always, sometimes, searched::text, both_::text FROM langchain_pg_embedding ORDER BY 1"
    assert empty_database.fetch(query) == database.fetch(query)
    following = "INSERT INTO langchain_pg_embedding (id) VALUES ('next') RETURNING n, small, always, sometimes, word"
    assert empty_database.fetch(following) == database.fetch(following)


def test_what_a_column_loses_is_told_with_its_name(
    client: Client, database: TestDatabase, rows: None, elsewhere: Client, empty_database: TestDatabase
) -> None:
    database.execute(LOST)
    database.execute("UPDATE langchain_pg_embedding SET counted = NULL WHERE id = 'plain'")
    body = backup(client)
    plan = elsewhere.restore(**body, create_tables=True, dry_run=True).get_json()["data"]
    done = created(elsewhere, body)
    for warnings in (plan["warnings"], done["warnings"]):
        told = [one for one in warnings if "langchain_pg_embedding 的列" in one]
        lost = ("counted", "doubled", "hourly", "keywords", "weighted")
        assert [sum(f" {name} " in one for one in told) for name in lost] == [1] * len(lost)
        assert len(told) == len(lost)
    assert contents(empty_database) == contents(database)


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "constant", "text": "x'); DROP TABLE langchain_pg_collection; --"},
        {"kind": "now(); DROP TABLE langchain_pg_collection"},
        {"kind": "tsvector", "config": "english'); DROP TABLE x; --", "columns": ["document"]},
        {"kind": "sequence"},
    ],
    ids=str,
)
def test_a_value_of_a_manifest_is_never_executed(
    client: Client,
    rows: None,
    backups: Any,
    elsewhere: Client,
    database: TestDatabase,
    empty_database: TestDatabase,
    value: dict[str, Any],
) -> None:
    body = backup(client)
    column = "made" if value["kind"] == "tsvector" else "document"
    rewrite(backups, body, lambda document: document["tables"][EMBEDDING].update(values={column: value}))
    done = created(elsewhere, body)
    assert contents(empty_database) == contents(database)
    told = [one for one in done.get("warnings", []) if f"的列 {column} " in one]
    assert bool(told) is (value["kind"] != "constant")
