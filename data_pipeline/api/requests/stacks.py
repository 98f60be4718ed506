"""Requests about stacks that no operation has a model for."""

from typing import Annotated

from pydantic import BaseModel, Field

from data_pipeline.api.requests.bodies import SetQuery
from data_pipeline.configuration.stacks import STACK_NAME
from data_pipeline.operations.requests.fields import STAMP, Timestamp


class StackPath(BaseModel):
    """A stack, in a URL."""

    name: Annotated[str, Field(pattern=STACK_NAME.pattern.join("^$"))] = Field(description="Of STACKS")


class StackSetPath(StackPath):
    """A stack's set, in a URL."""

    timestamp: Annotated[str, STAMP] = Field(description="YYYYMMDD_HHMMSS")


class StackDownloadQuery(SetQuery):
    """Which set is downloaded."""

    timestamp: Timestamp = Field(description="YYYYMMDD_HHMMSS")
