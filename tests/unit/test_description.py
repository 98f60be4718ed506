"""The API's description: valid OpenAPI, complete, and without anything that nobody refers to."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from openapi_spec_validator.schemas import get_schema_content_v31

from data_pipeline.api import policy
from data_pipeline.api.openapi import examples
from data_pipeline.api.openapi.vocabulary import TAGS
from data_pipeline.settings import Settings
from tests.described import Described
from unified_api import create_app

JSON = "application/json"


@pytest.fixture(scope="module")
def document(described: Described) -> dict[str, Any]:
    return described.document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for methods in document["paths"].values():
        for operation in methods.values():
            yield operation["operationId"], operation


def bodies(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What an operation takes and answers, each kind of it, by name."""
    for kind, body in operation.get("requestBody", {}).get("content", {}).items():
        yield f"takes {kind}", body
    for status, response in operation["responses"].items():
        for kind, body in response.get("content", {}).items():
            yield f"{status} {kind}", body


def test_it_fits_the_schema_of_openapi(document: dict[str, Any]) -> None:
    validator = jsonschema_rs.Draft202012Validator(dict(get_schema_content_v31()))
    assert [error.message[:300] for error in validator.iter_errors(document)] == []
    assert not validator.is_valid({**document, "paths": {"/": {"get": {"responses": 200}}}})


@pytest.mark.slow
def test_it_is_valid(document: dict[str, Any]) -> None:
    """Its parameters and defaults too, which takes as long as a thousand other tests."""
    OpenAPIV31SpecValidator(document).validate()


def test_it_is_where_it_has_always_been() -> None:
    client = create_app(Settings.load({"DATABASE_URL": "postgresql://user@localhost/db"})).test_client()
    assert client.get("/openapi/openapi.json").get_json()["openapi"] == "3.1.0"


def test_whoever_asks_first_or_beside_gets_all_of_it(document: dict[str, Any]) -> None:
    app = create_app(Settings.load({"DATABASE_URL": "postgresql://user@localhost/db"}))
    ready = Barrier(8)

    def ask() -> Any:
        ready.wait(30)
        return app.test_client().get("/openapi/openapi.json").get_json()

    with ThreadPoolExecutor(ready.parties) as threads:
        asked = [threads.submit(ask) for _ in range(ready.parties)]
    assert all(one.result() == document for one in asked)


def test_every_route_is_described() -> None:
    app = create_app(Settings.load({"DATABASE_URL": "postgresql://user@localhost/db"}))
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith(("/api/", "/healthz", "/readyz"))]
    assert len(rules) >= 20
    assert [rule.rule for rule in rules if policy.of(app, rule.endpoint) is None] == []


def test_every_operation_says_what_it_is(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"].endswith("."), name
        assert len(operation["tags"]) == 1, name
        assert operation["tags"][0] in TAGS, name
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (name, parameter)


def test_every_operation_has_an_id_of_its_own(document: dict[str, Any], described: Described) -> None:
    names = [name for name, _ in operations(document)]
    assert len(set(names)) == len(names)
    assert set(names) == described.operations


def test_every_operation_tells_how_it_fails(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert {"400", "403", "500"} <= operation["responses"].keys(), name
        tokens_matter = operation.get("security") != [] or name in ("sign_in", "create_first_admin")
        assert ("401" in operation["responses"]) is tokens_matter, name
        for status, response in operation["responses"].items():
            assert response["description"], (name, status)
            assert "X-Request-ID" in response["headers"], (name, status)


def test_every_json_body_has_an_example(document: dict[str, Any]) -> None:
    lacking = [
        (name, kind)
        for name, operation in operations(document)
        for kind, body in bodies(operation)
        if JSON in kind and not body.get("examples")
    ]
    assert lacking == []


def test_every_error_type_of_a_failure_has_an_example(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            body = response.get("content", {}).get(JSON)
            if body and int(status) >= 400:
                shown = {kind_of(document, example) for example in body["examples"].values()}
                told = body["schema"]["properties"]["data"]["allOf"][1]["properties"]["error_type"]["enum"]
                assert shown == set(told), (name, status)


def kind_of(document: dict[str, Any], example: dict[str, Any]) -> str:
    if "$ref" in example:
        example = document["components"]["examples"][example["$ref"].rpartition("/")[2]]
    kind: str = example["value"]["data"]["error_type"]
    return kind


def test_nothing_is_described_that_nobody_refers_to(document: dict[str, Any]) -> None:
    referred = set(re.findall(r'"#/components/(\w+/[^"]+)"', json.dumps(document)))
    there = {f"{kind}/{name}" for kind, found in document["components"].items() for name in found}
    assert there - referred == {"securitySchemes/token"}
    assert referred - there == set()


def test_every_example_is_shown(document: dict[str, Any], described: Described) -> None:
    assert examples.failures().keys() == document["components"]["examples"].keys()
    files = {path.name.partition(".")[0] for path in examples.DIRECTORY.glob("*.json")}
    assert files - {"failures"} <= described.operations


def test_a_body_may_say_null_where_it_may_say_nothing(document: dict[str, Any]) -> None:
    for body in ("RestoreBody", "BackupBody", "CompareBody"):
        schema = document["components"]["schemas"][body]
        for name, field in schema["properties"].items():
            assert ({"type": "null"} in field.get("anyOf", [])) is (name not in schema.get("required", [])), name


def test_a_key_that_is_not_described_is_a_fault(described: Described) -> None:
    example = examples.of("healthz")[0]
    answer = {**example.answer, "data": {**example.answer["data"], "more": 1}}
    assert described.faults("healthz", 200, example.answer) == []
    assert described.faults("healthz", 200, answer) != []
    assert described.faults("healthz", 418, example.answer) != []
