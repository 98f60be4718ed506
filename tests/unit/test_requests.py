"""What is asked of an operation: read, stored, read again, and told apart from other requests."""

import json
from typing import Any, cast

import pytest
from pydantic import ValidationError

from common.errors import InternalError, InvalidParams, MissingParams
from common.messages import Message
from data_pipeline.api.operating.audit import AUDITED
from data_pipeline.api.requests.bodies import ListQuery
from data_pipeline.jobs.request import JobRequest
from data_pipeline.operations.milvus.requests import MilvusBackupRequest
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.requests.backup import BackupRequest
from data_pipeline.operations.requests.request import OperationRequest, Request
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.postgres.target import Target
from data_pipeline.resources.notifiers import NotifierConfig
from tests.support.names import COLLECTION, EMBEDDING

SET = {"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": "20250722_010318"}
SECRET = "postgresql://u:secret@127.0.0.1/x"
TOLD_APART: list[tuple[str, type[OperationRequest], dict[str, Any], str]] = [
    (
        "config",
        RestoreRequest,
        {
            **SET,
            **{"tables": [EMBEDDING, COLLECTION], "pg_conn": None, "async": True, "truncate_before_restore": False},
            **{"atomic": True, "collections": ["文档", "b"]},
        },
        "df74d041d0b3f964dab8b25a195c13e27eb9b5a947ea858cba00ac4f01acbc18",
    ),
    (
        "pg_conn",
        RestoreRequest,
        {**SET, "pg_conn": SECRET, "strategy": "sync", "backup_before_restore": True, "dialect": "python"},
        "22250bd46a9e333e0a930348c81fbef8b7b90c8c6442c3bb30ca26525444068e",
    ),
    (
        "target",
        RestoreRequest,
        {**SET, "pg_conn": "main", "on_conflict": "skip", "async": False},
        "9b16b1dd1e543210ce4fb2f2f23c6e783cba76ed7c95c3f401b7af290bbe4831",
    ),
    ("config", BackupRequest, {}, "861bd6661cc54749007dd3ed27c2e856f56d65677f6fda2da627470bab03ccb9"),
    (
        "pg_conn",
        BackupRequest,
        {"db_connection": SECRET, "storages": ["local", "archive"], "format": "binary", "probes": 3},
        "944f3fff03517c05d9b98fdac8b9194c9e7daf9eafd21562d2f236c60d721dab",
    ),
]
"""Where the database was found, a body, and the fingerprint that version 34812af gave it: a client that repeats a call
after an update still gets the first one's answer."""


class About:
    """An operation that is about one database for every request."""

    def __init__(self, source: str) -> None:
        self._target = Target(source, "127.0.0.1", 5432, "x", "u", "secret")

    def target(self, _request: OperationRequest) -> Target:
        return self._target


@pytest.mark.parametrize(("source", "model", "body", "fingerprint"), TOLD_APART)
def test_a_request_is_stored_as_ever(
    source: str, model: type[OperationRequest], body: dict[str, Any], fingerprint: str
) -> None:
    job_request = JobRequest.of(cast("Operation[Any]", About(source)), model.read(body), None)
    assert job_request.fingerprint == fingerprint
    assert "secret" not in json.dumps(job_request.stored)
    assert job_request.is_secret is (source == "pg_conn")
    known = {name: value for name, value in body.items() if value not in (None, SECRET)}
    assert job_request.stored == known
    assert model.read_stored(job_request.stored, 0) == model.read(known)


@pytest.mark.parametrize("model", [RestoreRequest, BackupRequest])
def test_what_a_later_version_has_stored_is_not_guessed_at(model: type[OperationRequest]) -> None:
    stored = SET if model is RestoreRequest else {}
    assert model.read_stored(stored, model.version).as_sent() == stored
    with pytest.raises(InternalError, match="更新版本"):
        model.read_stored(stored, model.version + 1)


def test_the_tables_are_told_in_the_order_they_are_written() -> None:
    assert RestoreRequest.read(SET).tables == [COLLECTION, EMBEDDING]
    assert RestoreRequest.read({**SET, "tables": [EMBEDDING, COLLECTION]}).tables == [COLLECTION, EMBEDDING]
    assert RestoreRequest.read({**SET, "tables": [EMBEDDING]}).tables == [EMBEDDING]


def test_a_request_can_not_be_changed() -> None:
    request = RestoreRequest.read(SET)
    with pytest.raises(ValidationError, match="frozen"):
        request.strategy = "sync"  # type: ignore[misc]
    assert request.strategy == "reload"


def test_the_ways_to_the_same_end_are_others() -> None:
    asked = {
        "truncate": RestoreRequest.read({**SET, "truncate_before_restore": True}),
        "swap": RestoreRequest.read({**SET, "strategy": "swap"}),
        "sync": RestoreRequest.read({**SET, "strategy": "sync"}),
        "append": RestoreRequest.read(SET),
    }
    ways = {name: list(request.with_same_end()) for name, request in asked.items()}
    sync, truncate = "strategy: sync", "truncate_before_restore"
    assert ways == {"truncate": [sync], "swap": [sync, truncate], "sync": [], "append": []}
    assert asked["swap"].with_same_end()[sync].strategy == "sync"
    assert asked["swap"].with_same_end()[truncate].truncate is True


def test_what_is_wrong_is_named() -> None:
    with pytest.raises(MissingParams) as missing:
        RestoreRequest.read({"tables": [EMBEDDING]})
    assert missing.value.data["missing_params"] == ["backup_path", "timestamp"]
    with pytest.raises(InvalidParams) as invalid:
        RestoreRequest.read({**SET, "named_tables": [EMBEDDING]})
    assert invalid.value.data["details"] == {"field": "named_tables"}


@pytest.mark.parametrize("model", [BackupRequest, RestoreRequest])
def test_the_audit_log_repeats_every_field_that_is_no_secret(model: type[OperationRequest]) -> None:
    fields = {field.alias or name for name, field in model.model_fields.items()}
    assert fields & {*AUDITED} == fields - model.secrets


@pytest.mark.parametrize(
    ("model", "body", "field", "supported"),
    [
        (RestoreRequest, {**SET, "strategy": "swapp"}, "strategy", ["reload", "swap", "sync"]),
        (RestoreRequest, {**SET, "layout": "langchains"}, "layout", ["langchain", "pgvectorstore", "tables"]),
        (RestoreRequest, {**SET, "on_conflict": "ignore"}, "on_conflict", ["error", "skip", "update"]),
        (RestoreRequest, {**SET, "triggers": 1}, "triggers", ["disable", "fire"]),
        (BackupRequest, {"format": "parquet"}, "format", ["binary", "csv"]),
        (ListQuery, {"layout": "some"}, "layout", ["all", "langchain", "pgvectorstore", "tables"]),
        (NotifierConfig, {"url": "https://a", "events": ["sucess"]}, "events", ["drill_failed", "failure", "overdue"]),
    ],
)
def test_a_value_that_is_none_of_a_few_is_told_which_there_are(
    model: type[Request], body: dict[str, Any], field: str, supported: list[str]
) -> None:
    with pytest.raises(InvalidParams) as refused:
        model.read(body)
    details, response = refused.value.data["details"], refused.value.response
    assert details["field"] == field
    assert set(supported) <= set(details["supported"])
    assert isinstance(response, Message)
    for language in ("zh", "en"):
        said = response.in_language(language)
        assert field in said
        assert ", ".join(details["supported"]) in said


def test_what_is_no_name_of_a_milvus_collection_is_an_answer() -> None:
    with pytest.raises(InvalidParams) as refused:
        MilvusBackupRequest.read({"target": "milvus", "collections": ["a b"]})
    assert refused.value.data["details"]["field"] == "collections"
