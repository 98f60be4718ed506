"""What is asked of Redis."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.operations.requests import fields
from data_pipeline.operations.requests.fields import Text
from data_pipeline.operations.requests.named_set import NamedSet
from data_pipeline.operations.requests.request import Request
from data_pipeline.operations.requests.store import TARGET, StoreBackupRequest, StoreRestoreRequest
from data_pipeline.stores.redis.saving.consistency import Consistency

Number = Annotated[int, Field(ge=0, le=9999)]


def _different(numbers: list[int]) -> None:
    if len(set(numbers)) < len(numbers):
        raise InvalidParams(say("redis_databases_repeated"), details={"field": "databases"})


Numbers = Annotated[list[Number], Field(min_length=1, max_length=256), fields.checked(_different)]
Into = dict[Annotated[str, Field(pattern=r"^[0-9]{1,4}$")], Number]
Pattern = Annotated[Text, fields.checked(lambda text: text.encode())]
KEYS = "Only keys that match, as SCAN's MATCH: session:*"


class RedisBackupRequest(StoreBackupRequest):
    """Which databases, of which moment."""

    kind: ClassVar[str] = "redis_backup"

    databases: Numbers | Literal["all"] | None = Field(
        None, description="By number, or all that have keys; that of the target's URL if absent"
    )
    consistency: Consistency = Field(
        "snapshot",
        description="snapshot: of one moment, by a redis-server of this machine as a replica; "
        "paused: writers wait meanwhile; live: key by key while others write",
    )
    keys: Pattern | None = Field(None, description=KEYS)
    users: bool = Field(False, description="The server's users and their rules too, with the hashes of passwords")


class RedisRestoreRequest(StoreRestoreRequest):
    """Of which set, where to, and how."""

    kind: ClassVar[str] = "redis_restore"

    databases: Numbers | None = Field(None, description="Only these of the set, by number; all if absent")
    into: Into | None = Field(
        None,
        min_length=1,
        description="Another number for a database of the set; a set of one goes into that of the target's URL",
    )
    mode: Literal["replace", "merge"] = Field(
        "replace", description="replace: afterwards there are only the set's keys; merge: they are added"
    )
    on_conflict: Literal["skip", "update"] = Field(
        "skip", description="When merging keys that are there: keep the live or the backup's"
    )
    keys: Pattern | None = Field(None, description=f"{KEYS}; when merging")
    keep_old: bool = Field(False, description="What is replaced stays, in another database number")
    functions: bool = Field(False, description="The set's libraries of functions too; others of the server stay")
    users: bool = Field(False, description="The set's users too; others of the server stay, and the one we are")
    dry_run: bool = Field(False, description="Change nothing; tell what would happen, and every problem")

    @property
    def removes(self) -> bool:
        return self.mode == "replace" and not self.dry_run

    @model_validator(mode="after")
    def _no_clash(self) -> Self:
        for field, of_merge in (("keys", True), ("on_conflict", True), ("keep_old", False)):
            if field in self.model_fields_set and of_merge != (self.mode == "merge"):
                text = say("redis_field_of_another_mode", field=field, mode=self.mode)
                raise InvalidParams(text, details={"field": field})
        return self


class RedisCompareRequest(Request):
    """A set, and what it is compared with."""

    named_set: NamedSet = Field(alias="set", description="The set, as the list names it")
    other: NamedSet | None = Field(None, alias="with", description="Another set; the live databases if absent")
    target: Text | None = Field(None, description=f"{TARGET}; of the live databases")
    databases: Numbers | None = Field(None, description="Only these of the set, by number; all if absent")
    into: Into | None = Field(None, min_length=1, description="The live database that one of the set is compared with")
    keys: Pattern | None = Field(None, description=KEYS)

    @model_validator(mode="after")
    def _one_other(self) -> Self:
        if (self.other is None) == (self.target is None):
            raise InvalidParams(say("redis_compare_with_one"), details={"field": "with"})
        return self
