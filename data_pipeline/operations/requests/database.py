"""What the import of an archive is asked."""

from pydantic import Field

from data_pipeline.operations.requests.fields import Text
from data_pipeline.operations.requests.request import Request


class ImportRequest(Request):
    """The fields of the form beside its file, by their documented names."""

    clean_first: bool = Field(
        False, alias="cleanFirst", description="Drop and make anew what the archive holds, in one transaction"
    )
    skip_logs: bool = Field(False, alias="skipLogs", description="Leave out the rows of LOG_TABLES")
    trusted: bool = Field(False, description="The archive may run, although this service did not make it")
    target: Text | None = Field(None, description="A name from TARGETS; the configured database if absent")
