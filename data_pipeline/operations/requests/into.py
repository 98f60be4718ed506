"""Which layout the rows of a set are made into."""

from typing import Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from common.errors import InvalidParams, MissingParams
from common.messages import say
from data_pipeline.layouts import vector_store
from data_pipeline.operations.requests.fields import AnyTable, Name
from data_pipeline.operations.requests.request import Request
from data_pipeline.postgres.converting import column_types
from data_pipeline.postgres.converting.metadata import MetadataColumn
from data_pipeline.sets.tables.table_facts import SYSTEM_COLUMNS
from data_pipeline.sets.tables.table_spec import LONGEST_NAME

MOST_COLUMNS = 100
FIELD = "into.metadata_columns"


class Into(Request):
    """Rows of one layout as rows of another: collections as a table each, or tables as collections."""

    layout: Literal["pgvectorstore", "langchain", "milvus"] = Field(
        description="pgvectorstore: a table a collection; langchain: a collection a table; milvus: into a Milvus"
    )
    target: Name | None = Field(None, description="Of milvus: which one, by its name in TARGETS")
    tables: dict[Name, AnyTable] | None = Field(
        None, min_length=1, description="By collection its table, as schema.table; called alike where it is left out"
    )
    metadata_columns: dict[Name, Name] | None = Field(
        None,
        min_length=1,
        max_length=MOST_COLUMNS,
        description="Of pgvectorstore: keys of the metadata that become columns, with their types",
    )

    @model_validator(mode="after")
    def _target_where_it_is_needed(self) -> Self:
        if self.to_milvus and self.target is None:
            raise MissingParams(["into.target"])
        if self.target is not None and not self.to_milvus:
            raise InvalidParams(
                say("param_needs", field="into.target", other="milvus"), details={"field": "into.target"}
            )
        return self

    @property
    def to_milvus(self) -> bool:
        """The rows don't stay in PostgreSQL."""
        return self.layout == "milvus"

    @model_validator(mode="after")
    def _columns_are_possible(self) -> Self:
        if self.metadata_columns is not None and self.layout != "pgvectorstore":
            raise InvalidParams(say("into_metadata_columns_unused"), details={"field": FIELD})
        for name in self.metadata_columns or ():
            if len(name.encode()) > LONGEST_NAME or name in SYSTEM_COLUMNS or name in vector_store.OWN:
                raise InvalidParams(say("into_column_name", column=name), details={"field": FIELD})
        _ = self.columns
        return self

    @property
    def columns(self) -> list[MetadataColumn]:
        """The metadata columns. Raises InvalidParams for an unknown type."""
        return [
            MetadataColumn(name, column_types.parse(name, written))
            for name, written in (self.metadata_columns or {}).items()
        ]
