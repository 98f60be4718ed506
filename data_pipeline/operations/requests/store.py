"""What every backup and restore of a store is asked; each store adds its own."""

from pydantic import Field

from data_pipeline.operations.requests import fields
from data_pipeline.operations.requests.fields import Name, Storages
from data_pipeline.operations.requests.named_set import NamedSet
from data_pipeline.operations.requests.request import OperationRequest
from data_pipeline.storage.location import MAIN_STORAGE

TARGET = "The store, by its name in TARGETS"


class StoringRequest(OperationRequest):
    """Where a set goes."""

    storages: Storages = Field([MAIN_STORAGE], description="Where the backup goes, by name")
    as_job: bool = Field(False, alias="async", description=fields.AS_JOB)

    @property
    def changes_database(self) -> bool:
        return False


class StoreBackupRequest(StoringRequest):
    """Where from, and where to."""

    target: Name = Field(description=TARGET)


class StoreRestoreRequest(OperationRequest):
    """Of which set, and where to. removes: whether it takes something away that is there."""

    named_set: NamedSet = Field(alias="set", description="The set, as the list names it")
    target: Name = Field(description=TARGET)
    as_job: bool = Field(False, alias="async", description=fields.AS_JOB)

    @property
    def removes(self) -> bool:
        return True
