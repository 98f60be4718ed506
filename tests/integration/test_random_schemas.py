"""Random tables that are backed up, dropped, made by create_tables and restored: what they were, they are again."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from data_pipeline.api import PREFIX
from tests.conftest import EMPTY, Databases, TestDatabase
from tests.integration import schemas
from tests.integration.conftest import Client
from tests.integration.schemas import LOST, SCHEMAS, Table, quoted
from tests.support.answers import data_of

TABLES = """
SELECT n.nspname || '.' || c.relname, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname = ANY(%s) ORDER BY 1
"""
COLUMNS = """
SELECT row_number() OVER (ORDER BY a.attnum), a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid)
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
"""
CONSTRAINTS = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s AND contype <> 'n'"
INDEXES = """
SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = %s
"""
NO_SHRINK = (Phase.explicit, Phase.generate)
Definitions = dict[tuple[str, str, str], Any]


def definitions(database: TestDatabase) -> Definitions:
    """What tables are made of, by table, kind and name."""
    found: Definitions = {}
    for table, oid in database.fetch(TABLES, (SCHEMAS,)):
        found[table, "table", ""] = True
        place = 0
        for _, name, type_name, *more, default in sorted(database.fetch(COLUMNS, (oid,))):
            place += not name.startswith(LOST)
            found[table, "column", name] = (
                type_name,
                *more,
                value(database, default, more[-1]),
                name[:5] == LOST or place,
            )
        for kind, query in (("constraint", CONSTRAINTS), ("index", INDEXES)):
            found |= {(table, kind, name): text for name, text in database.fetch(query, (oid,))}
    return found


def value(database: TestDatabase, default: str | None, generated: str) -> Any:
    """What a default gives: 7 and '7'::bigint are the same. One that is another each time is told by its text."""
    if generated and default:
        return re.sub(r"[()]|::(text|character varying)", "", default)
    if default is None or default in ("now()", "gen_random_uuid()"):
        return default
    if default.startswith("nextval("):
        return "nextval"
    return database.fetch(f"SELECT ({default})::text")[0][0]


def rows(database: TestDatabase, tables: list[Table]) -> list[Any]:
    each = ", ".join
    return [
        database.fetch(
            f"SELECT encode(record_send(r), 'hex') FROM (SELECT {each(map(quoted, table.values)) or 1}"
            f" FROM {table.place}) r ORDER BY 1"
        )
        for table in tables
    ]


@pytest.fixture(params=["databases", "older_databases"])
def database_of(request: pytest.FixtureRequest) -> Iterator[TestDatabase]:
    """On the newest server and on an older one."""
    found: Databases = request.getfixturevalue(request.param)
    yield (made := found.like(EMPTY, "random"))
    found.remove(made)


@pytest.fixture
def client_of(make_client: Any, database_of: TestDatabase) -> Client:
    made: Client = make_client(DATABASE_URL=database_of.url)
    return made


@settings(phases=NO_SHRINK, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables=schemas.schemas(), file_format=st.sampled_from(["csv", "binary"]))
def test_what_was_dropped_is_there_again(
    client_of: Client, database_of: TestDatabase, tables: list[Table], file_format: str
) -> None:
    database = database_of
    everything = [quoted(schema) for schema in SCHEMAS]
    drop = "".join(f"DROP SCHEMA IF EXISTS {one} CASCADE;" for one in everything)
    database.execute(drop + "".join(f"CREATE SCHEMA {one};" for one in everything) + schemas.script(tables))
    before, filled = definitions(database), rows(database, tables)
    names = [f"{table.schema}.{table.name}" for table in tables]
    done = data_of(client_of.backup(layout="tables", tables=names, format=file_format))
    database.execute(drop)
    named = {"backup_path": done["backup_directory"], "timestamp": done["backup_timestamp"]}
    answer = data_of(client_of.restore(**named, create_tables=True))
    client_of.delete(f"{PREFIX}/backups/global/{named['timestamp']}")
    after, told = definitions(database), json.dumps(answer["warnings"], ensure_ascii=False)
    differing = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    lost = {key for key in differing if key[2].startswith(LOST)}
    assert [f"{key}: {before.get(key)} -> {after.get(key)}" for key in differing - lost] == []
    assert [name for _, _, name in lost if not re.search(rf"{re.escape(name)}\b", told)] == []
    assert lost or not [text for text in answer["warnings"] if "未能" in text]
    assert rows(database, tables) == filled
    expect_next_free(database, tables)


def expect_next_free(database: TestDatabase, tables: list[Table]) -> None:
    """A key that counts by itself goes on after the restored rows."""
    for table in tables:
        for column in table.values:
            query = "SELECT pg_get_serial_sequence(%s, %s)"
            ((sequence,),) = database.fetch(query, (table.place, column))
            if sequence and table.count:
                assert database.fetch("SELECT nextval(%s)", (sequence,))[0][0] > table.count
