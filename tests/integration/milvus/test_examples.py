"""The requests of Milvus that the API's description shows, sent to a service; each answer is what it shows."""

import json
from typing import Any

import pytest

from data_pipeline.api import BASE
from data_pipeline.api.openapi import examples
from data_pipeline.api.openapi.examples import Example
from tests.integration.milvus.conftest import Service
from tests.integration.milvus.rows import make_plain
from tests.integration.test_api_examples import MILVUS, shape

SHOWN = "20250722_010318"
ROUTES = {"backup_milvus": "backup", "restore_milvus": "restore", "compare_milvus": "compare"}


@pytest.mark.parametrize(
    ("operation", "example"),
    [(name, one) for name in MILVUS for one in examples.of(name)],
    ids=lambda value: value.name if isinstance(value, Example) else value,
)
def test_an_example_is_answered_as_it_says(service: Service, pymilvus: Any, operation: str, example: Example) -> None:
    make_plain(pymilvus, "docs", 40)
    real = service.backup()["timestamp"]
    if example.scene == "no collection":
        pymilvus.drop_collection("docs")
    body = json.dumps(example.body).replace(SHOWN, real)
    answer = service.client.post(f"{BASE}/milvus/{ROUTES[operation]}", data=body)
    assert answer.status_code == example.status
    assert shape(answer.get_json()) == shape(example.answer)
