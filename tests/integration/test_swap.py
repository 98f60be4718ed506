"""strategy "swap": new tables are filled beside the live ones and put in their place."""

from typing import Any

from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import data_of

SWAP = {"strategy": "swap"}


def test_afterwards_the_tables_hold_the_backup(
    client: Client, database: TestDatabase, saved: dict[str, Any], bits: Any
) -> None:
    whole = bits(database)
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")
    database.execute("INSERT INTO langchain_pg_embedding (id) VALUES ('extra')")
    before = bits(database)
    plan = data_of(client.restore(**saved, **SWAP, dry_run=True))
    assert plan["would_succeed"] and bits(database) == before, plan["problems"]
    done = data_of(client.restore(**saved, **SWAP, backup_before_restore=True))
    assert bits(database) == whole
    print(done)
    data_of(client.restore(**done["undo"]))
    assert bits(database) == before
