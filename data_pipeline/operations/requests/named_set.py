"""How a request names a backup set."""

from pydantic import Field

from data_pipeline.operations.requests import fields
from data_pipeline.operations.requests.fields import Text, Timestamp
from data_pipeline.operations.requests.request import Request


class NamedSet(Request):
    """A backup set, as the list names it."""

    backup_path: Text = Field(description=fields.BACKUP_PATH)
    timestamp: Timestamp = Field(description=fields.TIMESTAMP)
