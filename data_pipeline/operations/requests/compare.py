"""What a comparison is asked."""

from pydantic import Field

from data_pipeline.formats.evidence import Dialect
from data_pipeline.operations.requests import fields
from data_pipeline.operations.requests.fields import Collections, Text, Timestamp
from data_pipeline.operations.requests.request import Request


class NamedSet(Request):
    """A backup set, as the list names it."""

    backup_path: Text = Field(description=fields.BACKUP_PATH)
    timestamp: Timestamp = Field(description=fields.TIMESTAMP)


class CompareRequest(NamedSet):
    """A set, and what it is compared with."""

    other: NamedSet | None = Field(None, alias="with", description="Another set; the live tables if absent")
    collections: Collections | None = Field(None, description=fields.COLLECTIONS)
    pg_conn: Text | None = Field(None, description=fields.PG_CONN)
    dialect: Dialect | None = Field(None, description=fields.DIALECT)
