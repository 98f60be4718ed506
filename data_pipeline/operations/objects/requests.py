"""What is asked of backups and restores of objects."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from data_pipeline.operations.requests.store import StoreBackupRequest, StoreRestoreRequest
from data_pipeline.stores.objects.record import LONGEST_KEY


def _storable(key: str) -> str:
    if len(key.encode()) > LONGEST_KEY:  # UnicodeEncodeError, for half a surrogate pair, is a ValueError too
        raise ValueError("too long for a key")
    return key


KeyPrefix = Annotated[str, Field(min_length=1, max_length=LONGEST_KEY), AfterValidator(_storable)]


class ObjectsBackupRequest(StoreBackupRequest):
    """Which objects, and where to."""

    kind: ClassVar[str] = "objects_backup"

    prefix: KeyPrefix | None = Field(
        None, description="Only the objects whose key, below the target's own prefix, begins so"
    )


class ObjectsRestoreRequest(StoreRestoreRequest):
    """Which objects of which set, where to, and what becomes of those that are there."""

    kind: ClassVar[str] = "objects_restore"

    mode: Literal["add", "mirror"] = Field(
        "add",
        description="add: write objects that are not there, and leave the others; mirror: afterwards there are the "
        "set's objects and no others",
    )
    prefix: KeyPrefix | None = Field(None, description="Only the objects whose key begins so")
    to_prefix: KeyPrefix | None = Field(None, description="Write below this prefix of the target, beside the originals")
    dry_run: bool = Field(False, description="Only tell what would be done")
    backup_before_restore: bool | None = Field(
        None, description="First take a backup of what is there; what is not said is yes for mirror, no for add"
    )

    @property
    def removes(self) -> bool:
        return self.mode == "mirror" and not self.dry_run
