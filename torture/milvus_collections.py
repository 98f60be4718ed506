"""A milvus-lite with two collections as a run kills, starts and reads it: one by its name, one by an alias."""

import logging
from pathlib import Path
from typing import Any

from tools.milvus_server import MilvusServer

DOCS, SHELF, ALIAS, NEW = "docs", "shelf", "current", "docs_new"
ROWS = 1500
DIMENSIONS = 32
MARK = "vector_backup.intent"


class Collections:
    """Of one server, which keeps its port however often it is killed."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        _silence()
        self._server = MilvusServer(directory)

    @property
    def url(self) -> str:
        return self._server.url

    def start(self) -> None:
        self._server.start()

    def kill(self) -> None:
        self._server.kill()

    def fill(self, text: str) -> None:
        """Both collections anew, every row with this text."""
        from pymilvus import DataType

        client = self._server.client()
        for name in client.list_collections():
            for alias in client.list_aliases(name)["aliases"]:
                client.drop_alias(alias)
            client.drop_collection(name)
        for name in (DOCS, SHELF):
            schema = client.create_schema(auto_id=False)
            schema.add_field("id", DataType.INT64, is_primary=True)
            schema.add_field("v", DataType.FLOAT_VECTOR, dim=DIMENSIONS)
            schema.add_field("text", DataType.VARCHAR, max_length=100)
            indexes = client.prepare_index_params()
            indexes.add_index("v", index_type="HNSW", metric_type="L2", params={"M": 16, "efConstruction": 64})
            client.create_collection(name, schema=schema, index_params=indexes)
            client.insert(name, [self._row(number, text) for number in range(ROWS)])
        client.create_alias(SHELF, ALIAS)
        client.close()

    def rows(self, name: str) -> dict[int, Any]:
        """Every row of a collection, by its key."""
        client = self._server.client()
        if str(client.get_load_state(name)["state"]) != "Loaded":
            client.load_collection(name)
        found = client.query_iterator(name, batch_size=1000, output_fields=["*"])
        rows: dict[int, Any] = {}
        while page := found.next():
            rows |= {row["id"]: (row["text"], tuple(row["v"])) for row in page}
        found.close()
        client.close()
        return rows

    def rows_if_there(self, name: str) -> dict[int, Any] | None:
        """The same, None for one that isn't there, or goes while it is read: a server that was slow to make what a
        killed service had asked for has it dropped only then."""
        from pymilvus import MilvusException

        try:
            return self.rows(name)
        except MilvusException:
            client = self._server.client()
            there = client.has_collection(name)
            client.close()
            if there:
                raise
            return None

    def drop(self, name: str) -> None:
        client = self._server.client()
        client.drop_collection(name)
        client.close()

    def marked(self) -> list[str]:
        """The collections that a restore has made and not finished, and a live one that isn't there. What milvus-lite
        can't list, since a collection goes in this very moment, isn't settled either."""
        from pymilvus import MilvusException

        client, names = self._server.client(), list[str]()
        try:
            names = client.list_collections()
            found = [name for name in names if MARK in client.describe_collection(name)["properties"]]
        except MilvusException:
            found = ["(one that goes)"]
        finally:
            client.close()
        return found if DOCS in names else [*found, DOCS]

    def names(self) -> set[str]:
        """Of all collections; the one that the alias means by its alias."""
        client = self._server.client()
        meant = client.describe_alias(ALIAS)["collection_name"]
        found = {ALIAS if name == meant else str(name) for name in client.list_collections()}
        client.close()
        return found

    @staticmethod
    def _row(number: int, text: str) -> dict[str, Any]:
        shift = len(text) / 7
        vector = [((number * (place + 3)) % 89) / 89 + shift for place in range(DIMENSIONS)]
        return {"id": number, "v": vector, "text": f"{text} {number}"}


def _silence() -> None:
    """pymilvus prints each call that fails, and of each iterator that milvus-lite gives it no time."""
    import pymilvus

    for name in [*logging.root.manager.loggerDict]:
        if name.startswith(pymilvus.__name__):
            logging.getLogger(name).setLevel(logging.CRITICAL)
