"""What is asked of stacks."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.configuration.stacks import ROLE_NAME
from data_pipeline.operations.requests import fields
from data_pipeline.operations.requests.fields import Name, Storages
from data_pipeline.operations.requests.named_set import NamedSet
from data_pipeline.operations.requests.request import OperationRequest, Request
from data_pipeline.storage.location import MAIN_STORAGE

OPTIONS = "By member: further fields of its own request, as its store's route has them"
Role = Annotated[str, Field(pattern=ROLE_NAME.pattern.join("^$"))]


def _different(names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise InvalidParams(say("members_repeated"), details={"field": "members"})


Members = Annotated[list[Role], Field(min_length=1), fields.checked(_different), fields.shown(uniqueItems=True)]


class StackBackupBody(Request):
    """Which members, and where to."""

    members: Members | None = Field(None, description="Only these, by their roles")
    storages: Storages = Field([MAIN_STORAGE], description="Where the sets go, by name")
    options: dict[Role, dict[str, Any]] | None = Field(None, description=OPTIONS)
    as_job: bool = Field(False, alias="async", description=fields.AS_JOB)


class StackRestoreBody(Request):
    """Of which set, which members, and how."""

    named_set: NamedSet = Field(alias="set", description="The stack's set: its directory and its timestamp")
    members: Members | None = Field(None, description="Only these, by their roles")
    dry_run: bool = Field(False, description="Verify everything, and tell what each member's restore would do")
    rename_suffix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")] | None = Field(
        None, description="Restore beside the originals, under names with this suffix"
    )
    backup_before_restore: bool = Field(
        True, description="First back up the members as they are, unless they are restored beside the originals"
    )
    options: dict[Role, dict[str, Any]] | None = Field(None, description=OPTIONS)
    as_job: bool = Field(False, alias="async", description=fields.AS_JOB)


class StackBackupRequest(StackBackupBody, OperationRequest):
    """The same of a stack."""

    kind: ClassVar[str] = "stack_backup"

    stack: Name = Field(description="The stack, by its name in STACKS")

    @property
    def changes_database(self) -> bool:
        return False


class StackRestoreRequest(StackRestoreBody, OperationRequest):
    """The same of a stack."""

    kind: ClassVar[str] = "stack_restore"

    stack: Name = Field(description="The stack, by its name in STACKS")

    @property
    def removes(self) -> bool:
        return not (self.dry_run or self.rename_suffix)


class StackVerifyBody(Request):
    """Which set is verified, compared or drilled, and what of it."""

    named_set: NamedSet = Field(alias="set", description="The stack's set: its directory and its timestamp")
    members: Members | None = Field(None, description="Only these, by their roles")
