"""Which statements only read, and how a search path is read."""

import pytest

from data_pipeline.postgres import search_path


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1",
        "\nSELECT\n1",
        "EXPLAIN (FORMAT JSON) \nSELECT 1",
        "VALUES (1)",
        "WITH a AS (SELECT FROM t FOR UPDATE), b AS (SELECT FROM t FOR NO KEY UPDATE) SELECT 1",
        'COPY "s"."t" ("a") TO STDOUT WITH (FORMAT csv, HEADER true)',
        "COPY (SELECT a\nFROM t WHERE b) TO STDOUT WITH (FORMAT binary)",
    ],
)
def test_what_reads_is_told(statement: str) -> None:
    assert search_path.is_read(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t SELECT 1",
        "UPDATE t SET a = 1",
        "DELETE FROM t",
        "WITH a AS (DELETE FROM t RETURNING b) SELECT count(*) FROM a",
        "WITH a AS (UPDATE t SET b = 1 RETURNING b) SELECT count(*) FROM a",
        "WITH a AS (INSERT  INTO t VALUES (1) RETURNING b) SELECT b FROM a",
        "COPY t (a) FROM STDIN WITH (FORMAT csv)",
        'COPY "t" (" TO STDOUT WITH (") FROM STDIN WITH (FORMAT csv)',
        "CREATE TEMPORARY TABLE t AS SELECT 1",
        "SET LOCAL a = 1",
        "SELECTED",
    ],
)
def test_what_writes_is_told(statement: str) -> None:
    assert not search_path.is_read(statement)


@pytest.mark.parametrize(
    ("shown", "names"),
    [
        ('"$user", public', ["$user", "public"]),
        ("Evil,pg_catalog , public", ["evil", "pg_catalog", "public"]),
        ('"a ""b"", c",É', ['a "b", c', "É"]),
        ("", []),
        ('""', [""]),
        ("my-schema", ["my-schema"]),
    ],
)
def test_a_path_is_read_as_the_server_reads_it(shown: str, names: list[str]) -> None:
    assert search_path.names(shown) == names
