"""What a schedule can do: a class for each of its kinds, which makes a job's request of what is configured."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.operations.milvus.requests import MilvusBackupRequest
from data_pipeline.operations.neo4j.requests import Neo4jBackupRequest
from data_pipeline.operations.objects.requests import ObjectsBackupRequest
from data_pipeline.operations.redis.requests import RedisBackupRequest
from data_pipeline.operations.requests.backup import BackupRequest
from data_pipeline.operations.requests.database import DatabaseBackupRequest
from data_pipeline.operations.requests.drill import DrillRequest
from data_pipeline.operations.requests.reference_data import TableImportRequest
from data_pipeline.operations.requests.refresh import RefreshRequest
from data_pipeline.operations.requests.request import OperationRequest
from data_pipeline.operations.requests.store import StoreBackupRequest
from data_pipeline.operations.stacks.requests import StackBackupRequest
from data_pipeline.targets import TARGET_NAME


class Scheduled(ABC):
    """One kind. name: of the kind; it is the `kind` of a schedule. makes_sets: each run makes a set of its own, which a
    rule of retention may remove."""

    name: str
    makes_sets: bool = False

    @abstractmethod
    def request(self, body: Mapping[str, Any]) -> OperationRequest:
        """What is asked at each due time. Raises ServiceError: InvalidParams for a body that can't be meant."""

    @abstractmethod
    def targets(self, body: Mapping[str, Any]) -> list[str]:
        """The targets that it names."""

    @abstractmethod
    def storages(self, body: Mapping[str, Any]) -> list[str]:
        """The storages that it names."""


class ScheduledBackup(Scheduled):
    """The body of POST /backup, except what can only be asked for by a person who looks on."""

    name = "backup"
    makes_sets = True

    def request(self, body: Mapping[str, Any]) -> BackupRequest:
        found = BackupRequest.read(body)
        expect_none_of(body, "async", "truncate_vector_tables", "backup_vector_tables")
        if found.named_database is not None:
            expect_named(found.named_database)
        return found

    def targets(self, body: Mapping[str, Any]) -> list[str]:
        found = self.request(body).named_database
        return [found] if found else []

    def storages(self, body: Mapping[str, Any]) -> list[str]:
        return self.request(body).storages


class ScheduledDrill(Scheduled):
    """Where the newest backup of everything is looked for, to be proven by a restore."""

    name = "drill"

    def request(self, body: Mapping[str, Any]) -> DrillRequest:
        expect_none_of(body, "async", "timestamp")
        return DrillRequest.read(body)

    def targets(self, body: Mapping[str, Any]) -> list[str]:
        return []

    def storages(self, body: Mapping[str, Any]) -> list[str]:
        return [self.request(body).storage]


class ScheduledRestore(Scheduled):
    """A target that is kept fresh from the newest backup of another database."""

    name = "restore"

    def request(self, body: Mapping[str, Any]) -> RefreshRequest:
        expect_none_of(body, "async")
        found = RefreshRequest.read(body)
        expect_named(found.pg_conn)
        return found

    def targets(self, body: Mapping[str, Any]) -> list[str]:
        return [self.request(body).pg_conn]

    def storages(self, body: Mapping[str, Any]) -> list[str]:
        return [self.request(body).storage]


class ScheduledImport(Scheduled):
    """Reference data that is fetched and merged into a table."""

    name = "table_import"

    def request(self, body: Mapping[str, Any]) -> TableImportRequest:
        expect_none_of(body, "async", "dry_run")
        found = TableImportRequest.read(body)
        if found.pg_conn is not None:
            expect_named(found.pg_conn)
        return found

    def targets(self, body: Mapping[str, Any]) -> list[str]:
        found = self.request(body).pg_conn
        return [found] if found else []

    def storages(self, body: Mapping[str, Any]) -> list[str]:
        return []


class ScheduledStoreBackup(Scheduled):
    """The body of a backup of a store, whose kind it has."""

    makes_sets = True

    def __init__(self, model: type[StoreBackupRequest]) -> None:
        self.name = model.kind
        self._model = model

    def request(self, body: Mapping[str, Any]) -> StoreBackupRequest:
        expect_none_of(body, "async")
        return self._model.read(body)

    def targets(self, body: Mapping[str, Any]) -> list[str]:
        return [self.request(body).target]

    def storages(self, body: Mapping[str, Any]) -> list[str]:
        return self.request(body).storages


class ScheduledStackBackup(Scheduled):
    """The body of a stack's backup, and which stack. Its sets are old when STACK_KEEP_DAYS says so."""

    name = StackBackupRequest.kind

    def request(self, body: Mapping[str, Any]) -> StackBackupRequest:
        expect_none_of(body, "async")
        return StackBackupRequest.read(body)

    def targets(self, body: Mapping[str, Any]) -> list[str]:
        self.request(body)  # its members are the environment's
        return []

    def storages(self, body: Mapping[str, Any]) -> list[str]:
        return self.request(body).storages


class ScheduledDatabaseBackup(Scheduled):
    """The body of a backup of a whole database."""

    name = DatabaseBackupRequest.kind
    makes_sets = True

    def request(self, body: Mapping[str, Any]) -> DatabaseBackupRequest:
        expect_none_of(body, "async")
        return DatabaseBackupRequest.read(body)

    def targets(self, body: Mapping[str, Any]) -> list[str]:
        found = self.request(body).target
        return [found] if found else []

    def storages(self, body: Mapping[str, Any]) -> list[str]:
        return self.request(body).storages


def expect_none_of(body: Mapping[str, Any], *fields: str) -> None:
    """Raise InvalidParams for a field that a schedule can't have."""
    for field in fields:
        if field in body:
            raise InvalidParams(say("schedule_field_unsupported", field=field), details={"field": "request"})


def expect_named(database: str) -> None:
    """Raise InvalidParams for a URL, which may hold a password."""
    if not TARGET_NAME.fullmatch(database):
        raise InvalidParams(say("schedule_needs_a_named_target"), details={"field": "request"})


KINDS: Mapping[str, Scheduled] = {
    kind.name: kind
    for kind in (
        ScheduledStoreBackup(MilvusBackupRequest),
        *(ScheduledBackup(), ScheduledDrill(), ScheduledRestore(), ScheduledDatabaseBackup(), ScheduledImport()),
        ScheduledStoreBackup(ObjectsBackupRequest),
        ScheduledStoreBackup(RedisBackupRequest),
        ScheduledStoreBackup(Neo4jBackupRequest),
        ScheduledStackBackup(),
    )
}
