"""Request models of the routes of resources: each kind's configuration with a name, and the path."""

from pydantic import BaseModel, Field

from data_pipeline.resources.config import RESOURCE_NAME, Config, ResourceName
from data_pipeline.resources.notifiers import NotifierConfig
from data_pipeline.resources.schedules import ScheduleConfig
from data_pipeline.resources.storages import StorageConfig
from data_pipeline.resources.targets import TargetConfig

NAME = "What requests call it; it can't be changed"


class NewTarget(TargetConfig):
    """POST /targets"""

    name: ResourceName = Field(description=NAME)


class NewStorage(StorageConfig):
    """POST /storages"""

    name: ResourceName = Field(description=NAME)


class NewSchedule(ScheduleConfig):
    """POST /schedules"""

    name: ResourceName = Field(description=NAME)


class NewNotifier(NotifierConfig):
    """POST /notifiers"""

    name: ResourceName = Field(description=NAME)


NEW: dict[str, type[Config]] = {
    "target": NewTarget,
    "storage": NewStorage,
    "schedule": NewSchedule,
    "notifier": NewNotifier,
}
"""By the kind's name."""


class ResourcePath(BaseModel):
    """Which resource, in a URL."""

    name: str = Field(description="Its name", json_schema_extra={"pattern": RESOURCE_NAME.pattern.join("^$")})
