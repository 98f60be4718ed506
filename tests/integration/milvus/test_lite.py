"""milvus+lite:///path: a milvus-lite of this machine, which the service starts and ends."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from data_pipeline.stores.milvus import lite, live
from data_pipeline.stores.milvus.server import connected
from data_pipeline.stores.target_url import parse
from tests.integration.conftest import Client
from tests.integration.milvus.conftest import Service
from tests.integration.milvus.rows import held, make_plain


@pytest.mark.filterwarnings("ignore")
def test_a_local_one_is_backed_up_and_restored(make_client: Callable[..., Client], tmp_path: Path) -> None:
    from pymilvus import MilvusClient

    data = tmp_path / "docs.db"
    target = parse("milvus", f"milvus+lite://{data}")
    service = Service(make_client(TARGETS=json.dumps({"milvus": f"milvus+lite://{data}"})))
    try:
        with lite.address(target) as address, connected(target) as server:
            client = MilvusClient(f"http://{address}")
            make_plain(client, "docs", 20)
            before, chosen = held(client, "docs"), service.backup()
            client.drop_collection("docs")
            service.restore(chosen)
            assert held(client, "docs") == before
            assert live.names(server) == ["docs"]
            client.close()
    finally:
        lite.leave()
    assert not (tmp_path / "docs.db.server" / "port").exists()
