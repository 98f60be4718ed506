"""What a user can call, send, be answered or set stands in the reference, in both languages."""

import html
import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from common.errors import Recorded, ServiceError
from data_pipeline import config_file
from data_pipeline.api.requests.accounts import (
    AuditQuery,
    ChangedUser,
    FirstAdmin,
    NewToken,
    NewUser,
    OwnPassword,
)
from data_pipeline.api.requests.bodies import (
    CopyBody,
    DatabaseQuery,
    DrillBody,
    ListQuery,
    ReadyQuery,
    SignInBody,
    TablesQuery,
    UploadQuery,
)
from data_pipeline.api.requests.databases import ExportQuery
from data_pipeline.api.requests.job_schemas import JobsQuery, NotificationsQuery
from data_pipeline.api.requests.resources import NEW
from data_pipeline.cli.command_line import COMMANDS
from data_pipeline.operations.neo4j.requests import Neo4jBackupRequest, Neo4jCompareRequest, Neo4jRestoreRequest
from data_pipeline.operations.redis.requests import RedisBackupRequest, RedisCompareRequest, RedisRestoreRequest
from data_pipeline.operations.requests.backup import BackupRequest
from data_pipeline.operations.requests.bulk import BulkRequest
from data_pipeline.operations.requests.compare import CompareRequest
from data_pipeline.operations.requests.database import DatabaseBackupRequest, DatabaseRestoreRequest, ImportRequest
from data_pipeline.operations.requests.reference_data import TableImportRequest
from data_pipeline.operations.requests.refresh import RefreshRequest
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.operations.retention_rule import RetentionRule
from data_pipeline.settings import Settings
from unified_api import create_app

PROJECT = Path(__file__).resolve().parent.parent
LANGUAGES = ("", ".zh-CN")
BODIES: tuple[type[BaseModel], ...] = (RestoreRequest, BackupRequest, CompareRequest, CopyBody, DrillBody, SignInBody)
BODIES += (*NEW.values(), RetentionRule, RefreshRequest, BulkRequest, ImportRequest, TableImportRequest)
BODIES += (Neo4jBackupRequest, Neo4jRestoreRequest, Neo4jCompareRequest)
BODIES += (DatabaseBackupRequest, DatabaseRestoreRequest)
BODIES += (RedisBackupRequest, RedisRestoreRequest, RedisCompareRequest)
BODIES += (NewUser, ChangedUser, OwnPassword, FirstAdmin, NewToken)
QUERIES: tuple[type[BaseModel], ...] = (
    ListQuery,
    DatabaseQuery,
    TablesQuery,
    UploadQuery,
    JobsQuery,
    NotificationsQuery,
    ReadyQuery,
    AuditQuery,
    ExportQuery,
)
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


def reference(page: str, language: str) -> str:
    return html.unescape((PROJECT / "docs" / "reference" / f"{page}{language}.md").read_text(encoding="utf-8"))


def routes() -> list[str]:
    """As the reference names them: `GET /restore/list`."""
    app = create_app(Settings.load({"DATABASE_URL": "postgresql://user@localhost/db"}))
    pages = ("static", "openapi", "swagger", "panel")
    return sorted(
        f"{method} {rule.rule.removeprefix('/api/v0/data_pipeline/vector')}"
        for rule in app.url_map.iter_rules()
        if not rule.endpoint.startswith(pages)
        for method in METHODS & (rule.methods or set())
    )


def fields() -> list[str]:
    """Every field of a body and key of a query."""
    return sorted({field.alias or name for model in BODIES + QUERIES for name, field in model.model_fields.items()})


def error_types() -> list[str]:
    return sorted({kind.error_type for kind in ServiceError.__subclasses__() if kind is not Recorded})


def settings() -> list[str]:
    """Every variable that the configuration asks the environment for."""
    return sorted({*config_file.names(Settings.load), config_file.VARIABLE})


def test_the_lists_are_not_empty() -> None:
    assert "GET /restore/list" in routes()
    assert {"async", "with", "on_conflict", "storages", "request_id"} <= set(fields())
    assert {"INVALID_PARAMS", "STORAGE_FULL", "ORPHAN_ROWS"} <= set(error_types())
    assert {"HOST", "LOAD_WORKERS", "PGHOST", "API_TOKEN"} <= set(settings())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_route_is_in_the_reference(language: str) -> None:
    text = reference("api", language)
    assert [route for route in routes() if not re.search(rf"{re.escape(route)}(?=[`\n])", text)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_is_in_the_reference(language: str) -> None:
    text = reference("api", language)
    assert [field for field in fields() if not re.search(rf"`{field}`|`\?{field}=`", text)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_type_is_in_the_reference(language: str) -> None:
    text = reference("api", language)
    assert [error_type for error_type in error_types() if f"`{error_type}`" not in text] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_setting_is_in_the_reference(language: str) -> None:
    text = reference("settings", language)
    assert [name for name in settings() if f"`{name}`" not in text] == []


def test_the_example_of_an_environment_has_every_setting() -> None:
    text = (PROJECT / ".env.example").read_text(encoding="utf-8")
    shown = re.findall(r"^#?([A-Z][A-Z_]+)=", text, re.MULTILINE)
    assert sorted(name for name in shown if not name.startswith(config_file.BUCKETS)) == settings()
    assert not [line for line in text.splitlines() if "=" in line and not line.startswith("#")], "it changes nothing"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_is_in_the_reference(language: str) -> None:
    text = reference("command-line", language)
    assert [name for name in COMMANDS if not re.search(f"`{name}[ `]", text)] == []
