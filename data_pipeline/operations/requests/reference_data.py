"""What is asked of reference data: which table, from where, and what becomes of rows that are there."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from data_pipeline.operations.requests import fields
from data_pipeline.operations.requests.fields import AnyTable, Columns, Name, Text
from data_pipeline.operations.requests.request import OperationRequest, Request

Scalar = str | int | float | bool | None
ImportMode = Literal["skip", "update", "replace"]
MOST_OVERWRITTEN = 10_000


class ImportOptions(Request):
    """The fields of the form beside its file."""

    key: Columns | None = Field(
        None, description="The columns of a unique key by which rows are the same; the primary key if absent"
    )
    mode: ImportMode = Field(
        "update",
        description="skip: only add rows; update: and give those that are there the file's values; replace: and remove "
        "those that it does not have",
    )
    keep: Annotated[dict[Name, Scalar], Field(min_length=1, max_length=32)] | None = Field(
        None, description="Rows that have all of these values stay as they are"
    )
    overwrite: Annotated[list[Scalar | list[Scalar]], Field(min_length=1, max_length=MOST_OVERWRITTEN)] | None = Field(
        None, description="With keep: keys whose rows are taken all the same; of several columns an array each"
    )
    dry_run: bool = Field(False, description="Do the same, and take all of it back")

    @property
    def removes(self) -> bool:
        return self.mode == "replace" and not self.dry_run


class TableImportRequest(OperationRequest, ImportOptions):
    """The same of a file that is fetched."""

    kind: ClassVar[str] = "table_import"
    secrets: ClassVar[frozenset[str]] = frozenset({"pg_conn"})

    table: AnyTable = Field(description="The table, as schema.table")
    url: Text = Field(description="Where the file is: one of IMPORT_ALLOWED_URLS, or below one that ends with a slash")
    pg_conn: Text | None = Field(None, description=fields.PG_CONN)
    as_job: bool = Field(False, alias="async", description=fields.AS_JOB)

    @property
    def options(self) -> ImportOptions:
        given: dict[str, Any] = {name: getattr(self, name) for name in ImportOptions.model_fields}
        return ImportOptions.read(given)
