"""What is asked of Neo4j."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.operations.requests.fields import Name, Text
from data_pipeline.operations.requests.named_set import NamedSet
from data_pipeline.operations.requests.request import Request
from data_pipeline.operations.requests.store import TARGET, StoreBackupRequest, StoreRestoreRequest


class Neo4jBackupRequest(StoreBackupRequest):
    """The graph of the target's database."""

    kind: ClassVar[str] = "neo4j_backup"


class Neo4jRestoreRequest(StoreRestoreRequest):
    """Of which set, where to, and how."""

    kind: ClassVar[str] = "neo4j_restore"

    mode: Literal["empty", "replace", "merge"] = Field(
        "empty",
        description="empty: only into a database without nodes; replace: of what is there nothing stays; merge: nodes "
        "and relationships are added, or changed by their keys",
    )
    merge_keys: dict[Name, Name] | None = Field(
        None, min_length=1, description="Merging: by label or type the property that tells one from another"
    )
    dry_run: bool = Field(False, description="Change nothing; tell what would happen, and every problem")

    @model_validator(mode="after")
    def _keys_of_a_merge(self) -> Self:
        if (self.merge_keys is not None) != (self.mode == "merge"):
            raise InvalidParams(say("neo4j_keys_of_a_merge"), details={"field": "merge_keys"})
        return self

    @property
    def removes(self) -> bool:
        return self.mode == "replace" and not self.dry_run


class Neo4jCompareRequest(Request):
    """A set, and the live graph it is compared with."""

    named_set: NamedSet = Field(alias="set", description="The set, as the list names it")
    target: Text = Field(description=TARGET)
