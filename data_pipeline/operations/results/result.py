"""What all results share."""

from datetime import datetime
from typing import Annotated, TypeAlias, TypeVar

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from data_pipeline.storage.naming import TABLES, TIMESTAMP

T = TypeVar("T")
Sometimes: TypeAlias = T | SkipJsonSchema[None]
"""A key that is left out where it says nothing; never null."""

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, description="Seconds")]
Size = Annotated[str, Field(description="For people: whole B and KB, one decimal from MB up", examples=["764 KB"])]
Stamp = Annotated[str, Field(pattern=f"^{TIMESTAMP.pattern}$", examples=["20250722_010318"])]
TableName = Annotated[str, Field(json_schema_extra={"enum": list(TABLES)})]
Warnings = Annotated[list[str], Field(description="What is worth knowing although it worked")]


class Data(BaseModel):
    """The data of every answer."""

    response: str = Field(description="What happened, for people")
    timestamp: datetime = Field(description="The server's local time, with its UTC offset")


class Target(BaseModel):
    """The database that was meant; never its password."""

    host: str
    port: int
    dbname: str
    user: str
    source: str = Field(
        description="Where it was found: pg_conn, target, config, app_config or embedded",
        json_schema_extra={"enum": ["pg_conn", "target", "config", "app_config", "embedded"]},
    )


class NamedBackup(BaseModel):
    """A backup set, as requests name it."""

    backup_path: str
    timestamp: Stamp


class BackupInfo(NamedBackup):
    """A backup set, as requests name it, and when it was made."""

    backup_date: str = Field(examples=["2025-07-22 01:03:18"])


class StoredBackup(BackupInfo):
    """The same, and in which storage it is."""

    storage: str
