"""What all results share."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, SerializerFunctionWrapHandler, model_serializer
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import Self

from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.operations.target import AnyTarget
from data_pipeline.storage.naming import TIMESTAMP

LEFT_OUT = "left out"
T = TypeVar("T")
Sometimes: TypeAlias = Annotated[T | SkipJsonSchema[None], LEFT_OUT]
"""A key that is left out where it says nothing; never null."""

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, description="Seconds")]
Size = Annotated[str, Field(description="For people: whole B and KB, one decimal from MB up", examples=["764 KB"])]
Stamp = Annotated[str, Field(pattern=f"^{TIMESTAMP.pattern}$", examples=["20250722_010318"])]
TableName = Annotated[
    str, Field(description="With its schema, unless it is one of LangChain's", examples=list(DOCUMENTED.names))
]
Warnings = Annotated[list[str], Field(description="What is worth knowing although it worked")]
Moment = Annotated[datetime, PlainSerializer(lambda moment: moment.isoformat(timespec="seconds"))]


class Part(BaseModel):
    """A result or a part of one.

    Its values are typed by the code and not looked at again: a restore that is committed must not fail over the shape
    of what is said of it, and a message must stay one, to be told in another language. What wasn't given is left out.
    """

    model_config = ConfigDict(populate_by_name=True, frozen=True)

    def __init__(self, /, **given: Any) -> None:
        made = type(self).model_construct(**given)
        for name in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__"):
            object.__setattr__(self, name, getattr(made, name))

    def data(self) -> dict[str, Any]:
        """By the names and in the order of the description."""
        return self.model_dump(by_alias=True, warnings=False)

    @model_serializer(mode="wrap")
    def _given(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values = serialize(self)
        given, optional = self.model_fields_set, _optional(type(self))
        names = {field.alias or name: name for name, field in type(self).model_fields.items()}
        return {
            key: value
            for key, value in values.items()
            if names[key] in given and not (value is None and names[key] in optional)
        }


@cache
def _optional(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(name for name, field in model.model_fields.items() if LEFT_OUT in field.metadata)


class Result(Part):
    """The data of every answer that worked, but for its timestamp."""

    response: str = Field(description="What happened, for people")


class Target(Part):
    """The database that was meant; never its password."""

    host: str
    port: int
    dbname: str
    schema_: Sometimes[str] = Field(
        None, alias="schema", description="Where its tables are, if that is not PGVECTOR_SCHEMA"
    )
    user: str
    source: str = Field(
        description="Where it was found: pg_conn, target, config, app_config or embedded; drill: made for a drill",
        json_schema_extra={"enum": ["pg_conn", "target", "config", "app_config", "embedded", "drill"]},
    )

    @classmethod
    def of(cls, target: AnyTarget) -> Self:
        return cls(**target.public())


class StoreTarget(Part):
    """Another store that was meant; never its password, nor a path of this machine."""

    name: str = Field(description="As it is configured")
    family: str
    scheme: str = Field(description="Of its URL")
    host: str
    port: int | None
    dbname: str = Field(description="What follows the address in its URL: a database's number or name, a bucket")
    user: str | None
    source: str = Field(json_schema_extra={"enum": ["target"]})


def shown_target(public: Mapping[str, Any]) -> Target | StoreTarget:
    """A target, of what may be said of it."""
    return StoreTarget(**public) if "family" in public else Target(**public)


class NamedBackup(Part):
    """A backup set, as requests name it."""

    backup_path: str
    timestamp: Stamp


class BackupInfo(NamedBackup):
    """A backup set, as requests name it, and when it was made."""

    backup_date: str = Field(examples=["2025-07-22 01:03:18"])


class StoredBackup(BackupInfo):
    """The same, and in which storage it is."""

    storage: str
