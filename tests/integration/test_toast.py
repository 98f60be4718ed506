"""Long values are compressed by lz4 where a server can do it and nothing else was chosen."""

import random
import string
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from tests.integration.conftest import Client
from tests.integration.tls_server import TlsServer

WORDS = ["".join(random.Random(seed).choices(string.ascii_lowercase, k=6)) for seed in range(300)]
DOCUMENT = " ".join(WORDS * 2)
"""Long enough to be compressed."""

LOCATION = "./data_pipeline/training_data/vector_bak"
METHODS = "SELECT DISTINCT pg_column_compression(body) FROM lz4_documents"


@pytest.fixture
def table(tls_server: TlsServer) -> Iterator[Callable[[str], list[Any]]]:
    """Runs a statement on the server, where a table holds one long document."""

    def run(statement: str) -> list[Any]:
        with closing(psycopg2.connect(tls_server.url())) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    if run("SELECT 1 FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals)") == []:
        pytest.skip("the distribution's PostgreSQL has no lz4")
    run("CREATE TABLE lz4_documents (id int PRIMARY KEY, body text)")
    run(f"INSERT INTO lz4_documents VALUES (1, '{DOCUMENT}')")
    yield run
    run("DROP TABLE lz4_documents")
    run("ALTER DATABASE postgres RESET default_toast_compression")


@pytest.fixture
def restored(make_client: Callable[..., Client], tls_server: TlsServer, table: Any) -> Callable[..., dict[str, Any]]:
    """Backs the table up and restores it; the answer."""
    client = make_client(TARGETS=f'{{"documents": "{tls_server.url()}"}}')

    def restore(**options: Any) -> dict[str, Any]:
        chosen = {"pg_conn": "documents", "layout": "tables", "tables": ["public.lz4_documents"]}
        made = answered(client.backup(**chosen))
        return answered(client.restore(backup_path=LOCATION, timestamp=made["backup_timestamp"], **chosen, **options))

    return restore


def answered(response: Any) -> dict[str, Any]:
    data: dict[str, Any] = response.get_json()["data"]
    assert response.status_code == 200, data
    return data


@pytest.mark.parametrize("options", [{"truncate_before_restore": True}, {"strategy": "swap"}])
def test_what_a_restore_writes_is_compressed_by_lz4(restored: Any, table: Any, options: dict[str, Any]) -> None:
    assert table(METHODS) == [("pglz",)]
    assert restored(**options)["toast_compression"] == "lz4"
    assert table(METHODS) == [("lz4",)]
    assert table("SELECT body FROM lz4_documents") == [(DOCUMENT,)]
    assert table("SHOW default_toast_compression") == [("pglz",)]


def test_a_method_that_was_chosen_stays(restored: Any, table: Any) -> None:
    table("ALTER DATABASE postgres SET default_toast_compression = pglz")
    assert "toast_compression" not in restored(truncate_before_restore=True)
    assert table(METHODS) == [("pglz",)]
