"""ObjectsStore: what is known of objects as a store."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from common.errors import InvalidBackup
from common.messages import say
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.stores.objects.bucket import ObjectBucket
from data_pipeline.stores.objects.content import SetReader
from data_pipeline.stores.objects.record import Count, Key
from data_pipeline.stores.store import Capabilities, Store
from data_pipeline.stores.target import StoreTarget


class ObjectsFacts(BaseModel):
    """Of a set. bucket, prefix: what the target named. selected: what the keys begin with that the set was limited to.

    changed: objects that came, went or changed while the others were read. tags: whether the server has any.
    """

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    bucket: str
    prefix: Key
    selected: Key = ""
    objects: Count
    bytes: Count
    consistency: Literal["live"] = "live"
    started_at: str
    ended_at: str
    changed: Count
    tags: bool


class ObjectsStore(Store):
    """A bucket has neither transactions nor snapshots."""

    family = "objects"
    capabilities = Capabilities(transactional=False, snapshot=False, diffable=True, indexed=False)
    facts = ObjectsFacts

    def probe(self, target: StoreTarget) -> dict[str, Any]:
        return {"server_version": ObjectBucket(target).probe()}

    def verify(self, held: HeldSet) -> None:
        """Every object is there, to the byte that its line in the index says."""
        facts: ObjectsFacts = self.facts_of(held)
        reader = SetReader(held)
        objects = size = 0
        for one in reader.records():
            size += reader.expect_whole(one)
            objects += 1
        if (objects, size) != (facts.objects, facts.bytes):
            name = held.manifest_file.name if held.manifest_file else held.timestamp
            raise InvalidBackup(say("manifest_file_damaged", name=name), details={"file": name, "key": "store"})


STORE = ObjectsStore()
