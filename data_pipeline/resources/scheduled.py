"""What a schedule can do: a class for each of its kinds, which makes a job's request of what is configured."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.operations.requests.backup import BackupRequest
from data_pipeline.operations.requests.request import OperationRequest
from data_pipeline.targets import TARGET_NAME


class Scheduled(ABC):
    """One kind. name: of the kind; it is the `kind` of a schedule."""

    name: str

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

    def request(self, body: Mapping[str, Any]) -> BackupRequest:
        found = BackupRequest.read(body)
        for field in ("async", "truncate_vector_tables", "backup_vector_tables"):
            if field in body:
                raise InvalidParams(say("schedule_field_unsupported", field=field), details={"field": "request"})
        if found.named_database is not None and not TARGET_NAME.fullmatch(found.named_database):
            raise InvalidParams(say("schedule_needs_a_named_target"), details={"field": "request"})
        return found

    def targets(self, body: Mapping[str, Any]) -> list[str]:
        found = self.request(body).named_database
        return [found] if found else []

    def storages(self, body: Mapping[str, Any]) -> list[str]:
        return self.request(body).storages


KINDS: Mapping[str, Scheduled] = {kind.name: kind for kind in (ScheduledBackup(),)}
